"""Feedsmith as a library, in a page of Streamlit: a picture, a caption, a button.

    streamlit run deploy/streamlit/streamlit_app.py

The demo shop's posts, made while you wait. FEEDSMITH_DEMO_HOME names a brand's folder to use instead.
"""

import os
import tempfile
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st
from feedsmith import models
from feedsmith.brand import Home
from feedsmith.errors import FeedsmithError
from feedsmith.generate import Settings, generate
from feedsmith.library import Library, import_into
from feedsmith.post import Post
from feedsmith.understanding import traits

DEMO = Path(__file__).resolve().parents[2] / "demo"
KINDS = {
    "A photo": "photo", "A quote": "quote", "A collage": "collage", "A carousel": "carousel", "A story": "story",
}  # fmt: skip


@st.cache_resource(show_spinner="The demo shop is set up: its photos are imported and looked at…")
def brand() -> Home:
    """Once a server: the brand with its library, and the language model."""
    models.fetch()
    if chosen := os.environ.get("FEEDSMITH_DEMO_HOME"):
        return Home(Path(chosen))
    home = Home(Path(tempfile.mkdtemp(prefix="feedsmith-demo-")))
    home.adopt(DEMO / "brand.toml")
    said, library = home.load(), Library(home.library)
    export = [DEMO / "tall-tree-outfitters-export.zip"]
    import_into(library, export, credits=DEMO / "credits.csv", zone=ZoneInfo(said.time_zone))
    traits.ensure(library, brand=f"{said.name} {said.handle}")
    return home


@st.cache_resource
def turn() -> threading.Lock:
    """One post at a time in a server: two would write one folder, and take memory for two."""
    return threading.Lock()


def made(home: Home, kind: str, theme: str) -> Post:
    bar = st.progress(0.0, text="…")

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        bar.progress(min(done / total, 1.0) if total else 0.0, text=stage)

    with turn():
        told = generate(home, Settings(count=1, kind=kind, theme=theme), report=report, page=False)
    bar.empty()
    if not told.posts:
        raise FeedsmithError(" ".join(told.failed) or "no post came of it", mend="try another kind")
    return told.posts[0]


def show(home: Home, post: Post) -> None:
    pictures, words = st.columns([3, 2])
    folder = home.posts / post.id
    with pictures:
        for medium in post.media:
            st.image(str(folder / medium.file), caption=medium.alt_text or post.alt_text)
    with words:
        tags = " ".join(f"#{tag}" for tag in post.hashtags)
        st.text_area("Caption", f"{post.caption}\n\n{tags}", height=320)
        st.caption(f"{post.provenance[:1].upper()}{post.provenance[1:]}. Seed {post.seed}.")
        first = folder / post.media[0].file
        st.download_button("Download the picture", first.read_bytes(), file_name=first.name)


def main() -> None:
    st.set_page_config(page_title="Feedsmith", page_icon="🌳", layout="wide")
    st.title("Feedsmith")
    try:
        home = brand()
        said = home.load()
        st.write(
            f"New posts for **{said.name}**, a made-up shop, from its own photos. No cloud, no graphics card."
        )
        kind = KINDS[st.selectbox("What", list(KINDS))]
        theme = st.text_input("Theme, if you like", placeholder="autumn", max_chars=60)
        if st.button("Generate", type="primary"):
            st.session_state["post"] = made(home, kind, theme.strip())
        if "post" in st.session_state:
            show(home, st.session_state["post"])
    except FeedsmithError as error:
        st.error(f"{error.message}. {error.mend}".strip())


main()
