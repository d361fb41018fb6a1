"""Posts on their way to Instagram, and which account of a brand they go to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("studio", "0003_feed_in_order"),)

    operations = (
        migrations.AddField(
            model_name="brand",
            name="account",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="brand",
            name="late_minutes",
            field=models.PositiveIntegerField(default=120),
        ),
        migrations.AddField(
            model_name="brand",
            name="publishes_from",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="draft",
            name="account",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="draft",
            name="media_id",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="draft",
            name="permalink",
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.CreateModel(
            name="Publication",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("account", models.CharField(max_length=40)),
                ("username", models.CharField(blank=True, max_length=60)),
                ("version", models.PositiveIntegerField()),
                ("attempt", models.JSONField()),
                ("step", models.CharField(max_length=12)),
                ("due", models.DateTimeField()),
                ("begins_at", models.DateTimeField(db_index=True)),
                ("over", models.BooleanField(default=False)),
                ("sending", models.JSONField(null=True)),
                ("repairs", models.JSONField(default=list)),
                ("hosted", models.JSONField(default=list)),
                ("lease", models.CharField(blank=True, max_length=40)),
                ("leased_until", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                (
                    "draft",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="publications",
                        to="studio.draft",
                    ),
                ),
            ],
            options={
                "ordering": ("-pk",),
                "indexes": [models.Index(fields=["over", "account", "due"], name="in_turn")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("draft", "version"), name="one_publication_a_time"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("over", False)),
                        fields=("draft",),
                        name="one_publication_at_once",
                    ),
                ],
            },
        ),
    )
