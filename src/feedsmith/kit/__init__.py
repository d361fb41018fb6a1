"""The brand kit: what a library tells of its brand (learn), and the brand on one page (sheet)."""
