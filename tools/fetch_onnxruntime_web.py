"""Put onnxruntime-web's wasm build into the package, from the npm package of a fixed version.

    python tools/fetch_onnxruntime_web.py

It runs `npm pack`, which asks the registry that npm is set to, takes two files, checks what they
hold, and writes them compressed to src/gankit/exporting/runtime/. To take another version, change
the version, run it, and put the digests that it names here once the new files are trusted.
"""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "onnxruntime-web@1.30.0"
TARGET = Path(__file__).parent.parent / "src" / "gankit" / "exporting" / "runtime"
SHA256 = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",  # noqa: E501
}
"""The files of the package's folder dist, with the digest of each."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.PIPE
        )
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            found = {name: _read(package, name) for name in SHA256}
    wrong = [name for name in SHA256 if _digest(found[name]) != SHA256[name]]
    for name in wrong:
        print(f"{name} has the digest {_digest(found[name])}, not {SHA256[name]}", file=sys.stderr)
    if wrong:
        sys.exit(1)
    for name, content in found.items():
        path = TARGET / f"{name}.gz"
        path.write_bytes(gzip.compress(content, 9, mtime=0))
        print(f"{path}: {path.stat().st_size:,} bytes")


def _read(package: tarfile.TarFile, name: str) -> bytes:
    file = package.extractfile(f"package/dist/{name}")
    assert file is not None
    return file.read()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
