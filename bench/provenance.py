"""Provenance: what cleaning at import, stamping and signing cost.

    python bench/provenance.py FOLDER_OF_PHOTOS [--count 40] [--rounds 5]

Photos are brought to 12 megapixels with EXIF, maker notes, GPS, thumbnail and XMP, as phones write
them. Cleaning: CPU seconds of a whole import on one thread with and without it, turns changing, the
ratio taken within each round. Stamping: milliseconds and bytes for a 1080 x 1350 JPEG. Signing the
same needs the extra c2pa and makes its own test certificate.
"""

import argparse
import datetime as dt
import io
import shutil
import statistics
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from feedsmith import photo_file, provenance
from feedsmith.library import Library, import_into
from feedsmith.post import Credit
from importing import large

STAMP = provenance.Stamp(
    source_type="composite",
    creator="Tall Tree Outfitters",
    credits=(
        Credit(
            text="Ana Ruiz, CC BY 4.0",
            licence="CC BY 4.0",
            licence_url="https://creativecommons.org/licenses/by/4.0/",
        ),
    ),
    label="Designed with the brand's own photos by Feedsmith.",
    description="A forest path in the mist",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    sources = sorted(p for p in given.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not sources:
        raise SystemExit(f"{given.folder}: no JPEGs here")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cleaning(sources, folder, given.count, given.rounds)
        stamping(sources[0], folder)


def cleaning(sources: list[Path], folder: Path, count: int, rounds: int) -> None:
    photos = folder / "photos"
    photos.mkdir()
    for number in range(count):
        data = telling(large(sources[number % len(sources)], number))
        (photos / f"IMG_{number:04}.jpg").write_bytes(data)
    size = sum(path.stat().st_size for path in photos.iterdir()) / count / 1e6
    one = [path.read_bytes() for path in sorted(photos.iterdir())]
    spent = cost(lambda: [photo_file.stripped(data) for data in one])
    print(f"{count} photos, {size:.1f} MB each; cleaning alone: {spent / count * 1000:.1f} ms each")

    def whole(keep: bool) -> Callable[[], object]:
        shutil.rmtree(folder / "library", ignore_errors=True)
        library = Library(folder / "library")
        return lambda: import_into(library, [photos], workers=1, keep_all=True, keep_metadata=keep)

    ratios = []
    for number in range(rounds):
        order = (True, False) if number % 2 else (False, True)
        seconds = {keep: cost(whole(keep)) for keep in order}
        ratios.append(seconds[False] / seconds[True])
        print(f"round {number + 1}: cleaned {seconds[False]:.2f} s, as they came "
              f"{seconds[True]:.2f} s, ratio {ratios[-1]:.2f}")  # fmt: skip
    print(f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


def telling(jpeg: bytes) -> bytes:
    """The JPEG with 40 kB of what a phone adds."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model", 1
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x927C] = "2024:05:06 07:08:09", bytes(range(256)) * 40
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    body = b"Exif\0\0" + exif.tobytes() + jpeg[:20_000]
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + b" " * 8000
    added = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in (body, xmp))
    return jpeg[:2] + added + jpeg[2:]


def stamping(source: Path, folder: Path) -> None:
    out = io.BytesIO()
    with Image.open(source) as image:
        image.convert("RGB").resize((1080, 1350)).save(out, "JPEG", quality=92, subsampling=0)
    plain = out.getvalue()
    stamped = provenance.stamp_jpeg(plain, STAMP)
    each = statistics.median(cost(lambda: provenance.stamp_jpeg(plain, STAMP)) for _ in range(200))
    print(f"stamp: {each * 1000:.2f} ms, {len(stamped) - len(plain)} bytes on {len(plain)}")
    path = folder / "01.jpg"
    by = test_signing()
    spent = []
    for _ in range(20):
        path.write_bytes(stamped)
        spent.append(cost(lambda: provenance.sign_c2pa(path, by)))
    print(f"sign: {statistics.median(spent) * 1000:.0f} ms, "
          f"{path.stat().st_size - len(stamped)} bytes")  # fmt: skip


def test_signing() -> provenance.Signing:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    authority, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    name = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Bench")
    signer = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([name]))
        .issuer_name(x509.Name([name, x509.NameAttribute(NameOID.COMMON_NAME, "CA")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1))
        .not_valid_after(dt.datetime(2049, 1, 1))
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(usage, True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False
        )
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return provenance.signing(secret, signer.public_bytes(pem).decode())


def cost(work: Callable[[], object]) -> float:
    """CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
