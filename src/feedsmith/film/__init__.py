"""Films of a post: motion, beats, reels, loops; and the files they are written to."""
