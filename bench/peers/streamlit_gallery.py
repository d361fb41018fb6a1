"""The gallery of bench/galleries.py in Streamlit, as its documentation shows: columns, images, a button.

    streamlit run bench/peers/streamlit_gallery.py -- FOLDER

FOLDER holds posts.json (a list of {"picture", "caption"}) and the pictures.
"""

import json
import sys
from pathlib import Path

import streamlit as st

FOLDER = Path(sys.argv[1])
A_PAGE = 60

st.set_page_config(page_title="Posts", layout="wide")
posts = json.loads((FOLDER / "posts.json").read_text("utf-8"))
st.title("Posts")
page = st.radio("Page", range(1, 6), horizontal=True)
if "shown" not in st.session_state:
    st.session_state.shown = 0
if st.button("Generate"):
    st.session_state.shown += 1
post = posts[st.session_state.shown % len(posts)]
st.image(
    str(FOLDER / post["picture"]), caption=f"{st.session_state.shown}: {post['caption']}", width=240
)
columns = st.columns(3)
for number, post in enumerate(posts[(page - 1) * A_PAGE : page * A_PAGE]):
    columns[number % 3].image(str(FOLDER / post["picture"]), caption=post["caption"])
