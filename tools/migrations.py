"""Write the studio's next migration after its models changed: python tools/migrations.py"""

import tempfile
from pathlib import Path

from feedsmith.studio.settings import Config, set_up

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        set_up(Config(home=Path(folder)))
        from django.core.management import call_command

        call_command("makemigrations", "studio")
