"""The gallery of bench/galleries.py in Gradio, as its documentation shows: a Gallery, a Radio, a Button.

    python bench/peers/gradio_gallery.py FOLDER PORT

FOLDER holds posts.json (a list of {"picture", "caption"}) and the pictures.
"""

import json
import sys
from pathlib import Path

import gradio as gr

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
A_PAGE = 60
posts = json.loads((FOLDER / "posts.json").read_text("utf-8"))


def page_of(number: int) -> list[tuple[str, str]]:
    shown = posts[(number - 1) * A_PAGE : number * A_PAGE]
    return [(str(FOLDER / post["picture"]), post["caption"]) for post in shown]


def another(shown: int) -> tuple[int, str, str]:
    post = posts[(shown + 1) % len(posts)]
    return shown + 1, str(FOLDER / post["picture"]), f"{shown + 1}: {post['caption']}"


with gr.Blocks(title="Posts") as app:
    gr.Markdown("# Posts")
    shown = gr.State(0)
    page = gr.Radio([1, 2, 3, 4, 5], value=1, label="Page")
    button = gr.Button("Generate")
    picture = gr.Image(str(FOLDER / posts[0]["picture"]), label="The newest", width=240)
    caption = gr.Markdown(f"0: {posts[0]['caption']}")
    gallery = gr.Gallery(page_of(1), columns=3, label="Posts")
    page.change(page_of, page, gallery)
    button.click(another, shown, [shown, picture, caption])

app.launch(server_port=PORT, allowed_paths=[str(FOLDER)], quiet=True)
