"""Makes the studio's three fonts (WOFF2, 25 kB each) from those of posts. Needs fontTools and brotli:

    python tools/make_studio_fonts.py

Latin and Latin Extended-A, punctuation, currency, arrows; other scripts are set in the device's own fonts.
"""

from pathlib import Path

from fontTools.subset import main as subset

ROOT = Path(__file__).parents[1] / "src" / "feedsmith"
FONTS = {
    "FeedsmithSerif-SemiBold.ttf": "feedsmith-serif-600",
    "Inter-Regular.otf": "inter-400",
    "Inter-SemiBold.otf": "inter-600",
}
LETTERS = (
    "U+0020-007E,U+00A0-017F,U+0192,U+02C6-02DD,U+2000-206F,U+20A0-20BF,U+2113,U+2122,U+2150-215F,"
    "U+2190-2193,U+2197,U+2212,U+2215,U+221E,U+2248,U+2260-2265"
)

if __name__ == "__main__":
    for source, name in FONTS.items():
        subset(
            [
                str(ROOT / "design" / "fonts" / source),
                f"--unicodes={LETTERS}",
                "--layout-features=kern,liga,calt,tnum,case,mark,ccmp,locl",
                "--flavor=woff2",
                "--no-hinting",
                "--desubroutinize",
                f"--output-file={ROOT / 'studio' / 'static' / 'studio' / name}.woff2",
            ]
        )
