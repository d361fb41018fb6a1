"""The feed's index says state and kind as well: the grid skips to a page without reading the posts above."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("studio", "0002_token_maker"),)
    operations = (
        migrations.RemoveIndex(model_name="draft", name="feed_order"),
        migrations.AddIndex(
            model_name="draft",
            index=models.Index(
                fields=["brand", "-position", "-id", "state", "kind"], name="feed_in_order"
            ),
        ),
    )
