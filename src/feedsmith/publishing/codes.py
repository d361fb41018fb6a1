"""The API's errors in plain words, each with its mend.

From https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/error-codes
(updated 2 June 2026) and https://developers.facebook.com/docs/graph-api/guides/error-handling; the only
place that knows what a code means. Knows nothing of requests.
"""

import re
from typing import Literal, NamedTuple

from feedsmith import rules

Kind = Literal["permanent", "temporary", "throttled", "token"]
"""permanent: the same again goes the same way. temporary: it may go well later, with a new container
where `anew`. throttled: too much was asked. token: the account must be connected again."""


class Meaning(NamedTuple):
    kind: Kind
    words: str
    mend: str
    wait: float = 0.0
    """Seconds to wait before the next try; 0 where it is not known."""
    anew: bool = False
    """The container is of no use any more."""


_AGAIN = "wait a little; it is tried again"
_SIGN_IN = "connect it again: feedsmith connect BRAND"

SUBCODES: dict[int, Meaning] = {
    2207001: Meaning("temporary", "Instagram had an error of its own", _AGAIN, 60),
    2207003: Meaning("temporary", "Instagram waited too long for the media", "check that the address is fast from outside; it is tried again", 60),
    2207004: Meaning("permanent", "the picture is larger than 8 MB", "save it smaller: JPEG of at most 8 MB"),
    2207005: Meaning("permanent", "the picture is not a JPEG", "save it as JPEG"),
    2207006: Meaning("temporary", "Instagram does not find the container: it is used up, or the token may not see it", "it is made anew; if that does not help, connect the account again", 0, True),
    2207008: Meaning("temporary", "the container does not exist any more, or Instagram stumbled over it", "it is tried once or twice within two minutes, then made anew", 30, True),
    2207009: Meaning("permanent", "the picture's shape is not allowed", "crop it to between 4:5 and 1.91:1"),
    2207010: Meaning("permanent", "the caption is too long", f"at most {rules.CAPTION_MAX} characters, {rules.HASHTAGS_HARD_MAX} hashtags and {rules.MENTIONS_MAX} mentions"),
    2207020: Meaning("temporary", "the uploaded media have expired", "they are uploaded anew", 0, True),
    2207023: Meaning("permanent", "the kind of post is unknown to Instagram", "report this: a kind is sent that does not exist"),
    2207024: Meaning("permanent", "this hashtag does not exist or may not be looked up", "choose another; letters and digits alone, no emoji"),
    2207026: Meaning("permanent", "Instagram does not take this film", "MP4 with H.264 and AAC, 23 to 60 frames a second, at most 1920 wide, index first, no edit lists"),
    2207027: Meaning("temporary", "the container is not ready yet", "its status is asked for until it is", 30),
    2207028: Meaning("permanent", "a carousel has two to ten parts", "take some away, or add some"),
    2207032: Meaning("temporary", "Instagram failed to make the container", "it is made anew", 60, True),
    2207034: Meaning("throttled", f"{rules.HASHTAG_QUERIES} different hashtags were looked up within seven days", "wait until the first of them is a week old", 24 * 3600.0),
    2207035: Meaning("permanent", "a film's product tags must not have a place", "leave the place of the tags away"),
    2207036: Meaning("permanent", "a picture's product tags need a place", "say where on the picture each tag stands"),
    2207037: Meaning("permanent", "a tagged product cannot be used", "check it in the catalogue, or leave the tag away"),
    2207040: Meaning("permanent", "too many tags", "leave some of the tags away"),
    2207042: Meaning("throttled", "this account has published as many posts within 24 hours as Instagram allows", "it goes out when the quota has room again, or post it by hand", 3600.0),
    2207050: Meaning("permanent", "Instagram has restricted this account", "open the Instagram app, and do what it asks there"),
    2207051: Meaning("permanent", "Instagram takes this for spam", "post it by hand; in the app you can say that it is a mistake. Publish less often for some days"),
    2207052: Meaning("permanent", "Instagram could not fetch the media from their address", "the address must be open to everybody, without a login, answer at once with 200 and a JPEG or MP4"),
    2207053: Meaning("temporary", "the upload failed for no reason that Instagram names", "it is uploaded anew", 60, True),
    2207057: Meaning("permanent", "the cover's moment lies outside of the film", "choose a moment within the film"),
    458: Meaning("token", "the account's owner has taken the permission back", _SIGN_IN),
    459: Meaning("token", "the account's owner must confirm something at Instagram or Facebook", "sign in there, do what it asks, then " + _SIGN_IN),
    460: Meaning("token", "the account's password was changed", _SIGN_IN),
    463: Meaning("token", "the account's token has expired", _SIGN_IN),
    464: Meaning("token", "the account's owner must confirm something at Instagram or Facebook", "sign in there, do what it asks, then " + _SIGN_IN),
    467: Meaning("token", "the account's token is not valid any more", _SIGN_IN),
}  # fmt: skip
"""error_subcode -> what it means. 2207024 and 2207034 are seen in the wild, not documented."""

CODES: dict[int, Meaning] = {
    -2: Meaning("temporary", "Instagram could not get the media in time", "it is tried again", 60, True),
    -1: Meaning("temporary", "Instagram had an error of its own", _AGAIN, 60),
    1: Meaning("temporary", "Instagram had an unknown error", _AGAIN, 60),
    2: Meaning("temporary", "Instagram is down for a moment", _AGAIN, 60),
    3: Meaning("permanent", "the app may not use this part of the API", "check the app's permissions in Meta's dashboard"),
    4: Meaning("throttled", "the app has asked too much", "wait; what is due goes out afterwards", 3600.0),
    9: Meaning("throttled", "the account has reached a daily limit", "wait; what is due goes out afterwards", 3600.0),
    10: Meaning("token", "a permission is missing, or the account is not a professional one", "make it a business or creator account in the app, and allow everything when you connect it again: feedsmith connect BRAND"),
    17: Meaning("throttled", "the account has asked too much", "wait; what is due goes out afterwards", 3600.0),
    18: Meaning("throttled", "a weekly limit is reached", "wait until the oldest look-up is a week old", 24 * 3600.0),
    24: Meaning("temporary", "Instagram does not find the container", "it is made anew", 30, True),
    25: Meaning("permanent", "Instagram has restricted this account", "open the Instagram app, and do what it asks there"),
    32: Meaning("throttled", "the Facebook Page has asked too much", "wait; what is due goes out afterwards", 3600.0),
    100: Meaning("permanent", "Instagram does not take a part of what was sent", "see what it says; change that part"),
    102: Meaning("token", "the account's session has ended", _SIGN_IN),
    190: Meaning("token", "the account's token is not valid any more", _SIGN_IN),
    341: Meaning("throttled", "the app has reached a limit", "wait; what is due goes out afterwards", 3600.0),
    352: Meaning("permanent", "Instagram does not take this film", SUBCODES[2207026].mend),
    368: Meaning("permanent", "Instagram has blocked this account for a while because of its rules", "open the Instagram app, and see what it says"),
    506: Meaning("permanent", "the same post was just published", "change something about it"),
    613: Meaning("throttled", "too much was asked", "wait; what is due goes out afterwards", 3600.0),
    2500: Meaning("token", "no token was sent", _SIGN_IN),
    2635: Meaning("permanent", "this version of the API is no longer there", "upgrade Feedsmith: pip install --upgrade feedsmith"),
    9004: Meaning("permanent", "Instagram could not fetch the media", SUBCODES[2207052].mend),
    9007: Meaning("temporary", "the container is not ready yet", "its status is asked for until it is", 30),
    36000: Meaning("permanent", "the picture is too large", SUBCODES[2207004].mend),
    36001: Meaning("permanent", "the picture is not a JPEG", SUBCODES[2207005].mend),
    36003: Meaning("permanent", "the picture's shape is not allowed", SUBCODES[2207009].mend),
    36004: Meaning("permanent", "the caption is too long", SUBCODES[2207010].mend),
    80002: Meaning("throttled", "too much was asked of this account", "wait; what is due goes out afterwards", 3600.0),
}  # fmt: skip
"""code -> what it means where the subcode says nothing more."""

_PERMISSION = Meaning(
    "token", "a permission is missing or was taken away",
    "allow everything when you connect it again: feedsmith connect BRAND",
)  # fmt: skip


def meaning(code: int, subcode: int = 0, *, transient: bool = False) -> Meaning:
    """What an error means; of one that is nowhere documented what `is_transient` says."""
    if subcode in SUBCODES:
        return SUBCODES[subcode]
    if code in CODES:
        return CODES[code]
    if 200 <= code < 300:
        return _PERMISSION
    if transient:
        return Meaning("temporary", "Instagram had an error that may pass", _AGAIN, 60)
    return Meaning(
        "permanent", "Instagram refuses it for a reason we do not know", "see what it says below"
    )


def subcode_in(status: str) -> int:
    """The subcode that a failed container's `status` names; 0 for none. The reference says that it is
    the subcode, what comes is a sentence around it."""
    found = re.search(r"\b(2207\d{3})\b", status)
    return int(found[1]) if found else 0
