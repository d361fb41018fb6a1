import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("studio", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="token",
            name="maker",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, to="studio.token"
            ),
        ),
    ]
