"""When a brand was served last, for its turn in the queue; and which request asked for a job.

Both may be left out by a program of the version before, which goes on while this is done.
"""

from django.db import migrations, models

import feedsmith.studio.logs


class Migration(migrations.Migration):
    dependencies = (("studio", "0006_looks"),)

    operations = (
        migrations.AddField(
            model_name="brand",
            name="served_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="request",
            field=models.CharField(
                blank=True, db_default="", default=feedsmith.studio.logs.request_id, max_length=64
            ),
        ),
    )
