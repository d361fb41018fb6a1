"""Understanding photos: what they show, where the eye goes, their colours and words."""
