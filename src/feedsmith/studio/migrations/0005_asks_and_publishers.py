"""Posts say what they need a person for; publishers give signs of life."""

from django.db import migrations, models


def ask(apps, schema_editor):  # type: ignore[no-untyped-def]
    """Questions that are open already."""
    rows = apps.get_model("studio", "Publication").objects.filter(step="asking", answered_at=None)
    for row in rows.select_related("draft"):
        if row.draft.state in ("publishing", "failed"):
            row.draft.asks = row.attempt.get("why", "")
            row.draft.save(update_fields=["asks"])


class Migration(migrations.Migration):
    dependencies = (("studio", "0004_publications"),)

    operations = (
        migrations.AddField(
            model_name="draft",
            name="asks",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.RemoveIndex(model_name="draft", name="counted"),
        migrations.AddIndex(
            model_name="draft",
            index=models.Index(
                fields=["brand", "state", "favourite", "kind", "asks"], name="counted_with_asks"
            ),
        ),
        migrations.CreateModel(
            name="Publisher",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=40, unique=True)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("heart_beat", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("why", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.RunPython(ask, migrations.RunPython.noop),
    )
