"""Errors as the Graph API words them.

Sources: https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/error-codes
(updated 2 June 2026) for the codes with a subcode of seven digits;
https://developers.facebook.com/docs/graph-api/guides/error-handling for the general ones. What neither
page says is marked "assumed".
"""

import secrets
from typing import Any, NamedTuple


class Documented(NamedTuple):
    code: int
    subcode: int
    message: str
    title: str = ""
    words: str = ""
    """error_user_msg: what a person may be shown."""
    transient: bool = False
    status: int = 400
    type: str = "OAuthException"


class GraphFault(Exception):
    """A request is refused."""

    def __init__(self, what: Documented, message: str = "") -> None:
        super().__init__(message or what.message)
        self.what = what
        self.message = message or what.message

    def envelope(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": self.what.type,
            "code": self.what.code,
        }
        if self.what.subcode:
            error["error_subcode"] = self.what.subcode
        error["is_transient"] = self.what.transient
        if self.what.title:
            error["error_user_title"] = self.what.title
        if self.what.words:
            error["error_user_msg"] = self.what.words
        error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
        return {"error": error}


# ---- media ----------------------------------------------------------------------------------------

DOWNLOAD_SLOW = Documented(-2, 2207003, "It takes too long to download the media.",
                           "Timeout", "It takes too long to download the media.", transient=True)  # fmt: skip
MEDIA_EXPIRED = Documented(-2, 2207020, "The media you are trying to access has expired. Please try to upload again.")  # fmt: skip
SERVER_ERROR = Documented(-1, 2207001, "Instagram server error. Try again.", transient=True)
CREATE_FAILED = Documented(-1, 2207032, "Create media fail, please try to re-create media", transient=True)  # fmt: skip
UPLOAD_UNKNOWN = Documented(-1, 2207053, "unknown upload error", transient=True)
THUMB_OFFSET = Documented(1, 2207057, "Thumbnail offset must be greater than or equal to 0 and less than video duration")  # fmt: skip
SPAM = Documented(4, 2207051, "We restrict certain activity to protect our community. Tell us if you think we made a mistake.")  # fmt: skip
QUOTA = Documented(9, 2207042, "You reached maximum number of posts that is allowed to be published by Content Publishing API.")  # fmt: skip
NO_MEDIA = Documented(24, 2207006, "The media with {id} cannot be found", "Media not found")
BUILDER_EXPIRED = Documented(24, 2207008, "The media builder with creation id does not exist or has expired", transient=True)  # fmt: skip
RESTRICTED = Documented(25, 2207050, "The Instagram account is restricted.", "Account restricted")
MEDIA_TYPE = Documented(100, 2207023, "The media type is unknown.")
CAROUSEL_ITEMS = Documented(100, 2207028, "Your post won't work as a carousel. Carousels need at least 2 photos/videos and no more than 10 photos/videos.")  # fmt: skip
VIDEO_FORMAT = Documented(352, 2207026, "The video format is not supported. Please check spec for supported {video} format")  # fmt: skip
NOT_FETCHED = Documented(
    9004, 2207052, "Only photo or video can be accepted as media type.",
    "Media download has failed. The media URI doesn't meet our requirements.",
    "The media could not be fetched from this URI: {uri}",
)  # fmt: skip
NOT_READY = Documented(9007, 2207027, "Media ID is not available",
                       "Media not ready", "The media is not ready for publishing, please wait for a moment")  # fmt: skip
IMAGE_LARGE = Documented(36000, 2207004, "The image size is too large.", "Image size too large",
                         "The image is too large to download. It should be less than 8 MiB.")  # fmt: skip
IMAGE_FORMAT = Documented(36001, 2207005, "The image format is not supported.", "Unsupported format",
                          "The image format is not supported. Supported formats are: JPEG.")  # fmt: skip
IMAGE_RATIO = Documented(36003, 2207009, "The submitted image with aspect ratio cannot be published.",
                         "Aspect ratio not supported",
                         "The aspect ratio must fall within a 4:5 to 1.91:1 range.")  # fmt: skip
CAPTION_LONG = Documented(36004, 2207010, "The caption is too long.", "Caption too long",
                          "The caption must be at most 2,200 characters, 30 hashtags and 20 @ mentions.")  # fmt: skip

# ---- tokens and permissions -----------------------------------------------------------------------

NO_TOKEN = Documented(2500, 0, "An active access token must be used to query information about the current user.")  # fmt: skip
BAD_TOKEN = Documented(190, 0, "Invalid OAuth access token - Cannot parse access token", status=401)
EXPIRED_TOKEN = Documented(190, 463, "Error validating access token: Session has expired.")
REVOKED_TOKEN = Documented(190, 458, "Error validating access token: The user has not authorized the application.")  # fmt: skip
NO_PERMISSION = Documented(10, 0, "(#10) Application does not have permission for this action")
NOT_PROFESSIONAL = Documented(10, 0, "(#10) The user is not an Instagram Business")
"""Assumed: the code. The words are those that people quote."""
FEW_VIEWERS = Documented(10, 0, "(#10) Not enough viewers for the media to show insights")
OAUTH = Documented(400, 0, "Invalid verification code", status=400)
"""Signing in has an envelope of its own (access.py)."""

# ---- requests -------------------------------------------------------------------------------------

PARAMETER = Documented(100, 0, "(#100) Invalid parameter")
NO_OBJECT = Documented(
    100, 33, "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to "
    "missing permissions, or does not support this operation", type="GraphMethodException",
)  # fmt: skip
NO_VERSION = Documented(
    2635, 0, "(#2635) You are calling a deprecated or unknown version of the API"
)
HASHTAG_LIMIT = Documented(18, 2207034, "(#18) You have exceeded the maximum of 30 unique hashtags within a 7 day period")  # fmt: skip
"""Assumed: code and subcode. The limit is documented, its error is not."""
NO_HASHTAG = Documented(24, 2207024, "The requested hashtag does not exist or cannot be searched")
"""Assumed: the documents say "a generic error"."""
CONTAINER_LIMIT = Documented(9, 2207042, "You reached maximum number of containers (400) within 24 hours.")  # fmt: skip
"""Assumed: the limit is documented, its code is not; the quota's is used."""

# ---- load -----------------------------------------------------------------------------------------

THROTTLED = {
    4: Documented(4, 0, "(#4) Application request limit reached", transient=True),
    17: Documented(17, 0, "(#17) User request limit reached", transient=True),
    32: Documented(32, 0, "(#32) Page request limit reached", transient=True),
    613: Documented(613, 0, "(#613) Calls to this api have exceeded the rate limit.", transient=True),
    80002: Documented(
        80002, 0, "There have been too many calls to this Instagram account. Wait a bit and try again.",
        transient=True,
    ),
}  # fmt: skip
UNKNOWN = Documented(1, 0, "An unknown error has occurred.", transient=True, status=500)
SERVICE = Documented(2, 0, "An unexpected error has occurred. Please retry your request later.",
                     transient=True, status=500)  # fmt: skip
DOWN = Documented(2, 0, "Service temporarily unavailable", transient=True, status=503)
