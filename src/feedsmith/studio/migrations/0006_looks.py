"""When the figures of a post that is out are read; with whom it is posted, and where it was."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("studio", "0005_asks_and_publishers"),)

    operations = (
        migrations.AddField(
            model_name="draft",
            name="collaborators",
            field=models.JSONField(
                blank=True, db_default=models.Value([], models.JSONField()), default=list
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="location",
            field=models.CharField(blank=True, db_default="", default="", max_length=20),
        ),
        migrations.CreateModel(
            name="Look",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=40)),
                ("username", models.CharField(blank=True, max_length=60)),
                ("media", models.CharField(max_length=40)),
                ("hours", models.PositiveIntegerField()),
                ("due", models.DateTimeField()),
                ("begins_at", models.DateTimeField()),
                ("step", models.CharField(default="waiting", max_length=8)),
                ("figures", models.JSONField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("said", models.CharField(blank=True, max_length=400)),
                ("lease", models.CharField(blank=True, max_length=40)),
                ("leased_until", models.DateTimeField(null=True)),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="looks",
                        to="studio.draft",
                    ),
                ),
            ],
            options={
                "ordering": ("due", "pk"),
                "indexes": [models.Index(fields=["step", "begins_at"], name="looks_to_come")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("draft", "media", "hours"), name="one_look_an_age"
                    )
                ],
            },
        ),
    )
