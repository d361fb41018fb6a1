"""Processes that run workers beside the server, and which of them did a job.

Both may be left out by a program of the version before, which goes on while this is done.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("studio", "0007_turns_and_requests"),)

    operations = (
        migrations.CreateModel(
            name="WorkerNode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=60, unique=True)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.PositiveIntegerField()),
                ("key", models.CharField(default="", max_length=32)),
                ("started_at", models.DateTimeField()),
                ("heart_beat", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("figures", models.JSONField(default=dict)),
            ],
        ),
        migrations.AddField(
            model_name="job",
            name="node",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
    )
