"""A school, its log and its timestamp authority, all real, in one process: what the tests of bundles start from."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from emarge.proof.evidence import bundle, contents, layout, manifest, records, seal
from emarge.proof.evidence.seal import Gathered, Request
from emarge.proof.evidence.trust import TrustAnchors
from emarge.proof.timestamping import authority, messages, rotation
from emarge.proof.vault.log import checkpoint, cosignature, entry, merkle

CODE = "CFA Démo"
ORIGIN = "vault.example/cfa-demo"
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SPACE = uuid.UUID("6423fa54-b160-40c3-b9d7-0b68817aaaae")
MEETING = str(uuid.uuid5(SPACE, "meeting"))
REQUEST = Request(
    id=str(uuid.uuid5(SPACE, "request")),
    who="Claire Fontaine, OPCO Exemple",
    reference="2026-417",
    reason="contrôle de service fait",
    period_from=date(2026, 11, 1),
    period_to=date(2026, 11, 30),
)
SHEET = b"%PDF-1.7\n% stands for the sheet: the verifier knows its digest only\n%%EOF\n"
DRAWING = "v1;300x150;20,30 4,5 8,-3 9,12"
UNKNOWN = {"state": "unknown", "bound_ms": None, "sources": ["system"]}
GOOD = {"state": "in_sync", "bound_ms": 100, "sources": ["system"]}
NAMES = {
    "hopper": "Grace Hopper",
    "ada": "Ada Lovelace",
    "alan": "Alan Turing",
    "élise": "Élise Martin",
    "blaise": "Blaise Pascal",
    "sophie": "Sophie Germain",
}


def pseudonym(person):
    return records.pseudonym(sha256(person.encode()).digest(), person)


def named(*people):
    return [{"pseudonym": pseudonym(person), "name": NAMES[person]} for person in people]


@dataclass
class School:
    """Plays events into a log. ``folder`` begins the names of where timestamp authorities keep their keys.

    ``mirrors`` are the keys of the mirrors by name, which cosign two days after ``NINE``, but for the ``absent``.
    """

    folder: Path
    code: str = CODE
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    entries: list[bytes] = field(default_factory=list)
    sealed: dict[int, contents.Sealed] = field(default_factory=dict)
    mirrors: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    witnesses: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def __post_init__(self):
        self.authorities = []
        self.add_authority("Vault Example")

    def add_authority(self, name):
        """From now on tokens come from this authority; bundles hold the certificates of all."""
        folder = self.folder.with_name(f"{self.folder.name}-{len(self.authorities)}")
        authority.create(folder, name=name, now=NINE - timedelta(days=10))
        self.authorities.append(authority.Authority.open(folder))

    def rotate(self, at):
        """From now on tokens are signed with a new key of the same authority."""
        folder = self.authorities[-1]._folder
        self.authorities.pop().close()
        rotation.rotate(folder, now=at)
        self.authorities.append(authority.Authority.open(folder))

    def stamp(self, payload, at):
        request = messages.build_request(sha256(payload).digest(), nonce=2**62 + len(self.entries))
        return messages.read_response(self.authorities[-1].respond(request, now=at))

    def record(self, event, by, at, *, role="staff", clock=UNKNOWN, content=None, student=None, teachers=(), **others):
        """The bytes of a record, and its sealed content; the id depends on the place in the log alone."""
        number = str(uuid.uuid5(SPACE, f"record {len(self.entries)}"))
        sealed = None
        if content is not None:
            sealed = contents.seal({"event": event, "record": number} | content)
        payload = records.build(
            event=event,
            id=number,
            at=at,
            clock=clock,
            code=self.code,
            actor={"role": role, "person": pseudonym(by)},
            student=pseudonym(student) if student else None,
            teachers=tuple(pseudonym(teacher) for teacher in teachers),
            commitment=sealed.commitment if sealed else None,
            **others,
        )
        return payload, sealed

    def add(self, event, by, at, *, certified=timedelta(seconds=1), **others):
        """Log an event; its token is given ``certified`` after it. Returns the index."""
        payload, sealed = self.record(event, by, at, **others)
        index = len(self.entries)
        self.entries.append(entry.encode(payload, self.stamp(payload, at + certified)))
        if sealed:
            self.sealed[index] = sealed
        return index

    @property
    def anchors(self):
        vkey = checkpoint.vkey(ORIGIN, self.key.public_key())
        roots = tuple(one.root_certificate for one in self.authorities)
        mirrors, witnesses = (
            tuple(cosignature.vkey(name, key.public_key()) for name, key in keys.items())
            for keys in (self.mirrors, self.witnesses)
        )
        return TrustAnchors(ORIGIN, vkey, self.code, roots, mirrors, witnesses)

    @property
    def chain(self):
        ders = [der for one in self.authorities for der in one.certificates]
        return [x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders]

    def leaves(self):
        return [merkle.leaf_hash(data) for data in self.entries]

    def note(self):
        leaves = self.leaves()
        head = checkpoint.Checkpoint(ORIGIN, len(leaves), merkle.root_hash(leaves))
        lines = [
            cosignature.cosign(head.text, name, key, NINE + timedelta(days=2))
            for name, key in (self.mirrors | self.witnesses).items()
            if name not in self.absent
        ]
        return checkpoint.sign(head, self.key) + b"".join(lines)

    def hashes(self, index):
        """The inclusion proof of an index, RFC 6962 section 2.1.1 word for word: slow and obvious."""

        def path(place, leaves):
            if len(leaves) == 1:
                return []
            split = 1
            while split * 2 < len(leaves):
                split *= 2
            left, right = leaves[:split], leaves[split:]
            if place < split:
                return [*path(place, left), merkle.root_hash(right)]
            return [*path(place - split, right), merkle.root_hash(left)]

        return path(index, self.leaves())

    def gathered(self, index):
        sealed = self.sealed.get(index)
        return Gathered(
            index,
            self.entries[index],
            sealed.ciphertext if sealed else b"",
            sealed.key if sealed else b"",
        )

    def draft(self, indexes=None):
        chosen = range(len(self.entries)) if indexes is None else indexes
        return seal.draft(
            anchors=self.anchors,
            request=REQUEST,
            gathered=[self.gathered(index) for index in chosen],
            sheet=SHEET,
            certificates=self.chain,
        )

    def produce(self, digest, *, at=NINE + timedelta(days=2), request=REQUEST.id):
        details = {"request": request, "manifest": digest}
        return self.add("audit_trail.produced", "sophie", at, details=details)

    def bundle(self, indexes=None):
        """The evidence bundle of these records (all of them by default), with the record of its production."""
        drafted = self.draft(indexes)
        produced = self.produce(drafted.digest)
        return seal.assemble(
            drafted,
            produced=Gathered(produced, self.entries[produced]),
            hashes={index: self.hashes(index) for index in (*drafted.indexes, produced)},
            checkpoint=self.note(),
        )

    def play(self):
        """One class meeting from the roll call to its validation, then a request and its approval."""
        teach = {"role": "teacher", "meeting": MEETING, "teachers": ("hopper",)}
        course = {"meeting": {"title": "Compilation", "room": "B12"}, "people": named("hopper")}
        marks = {"ada": ("present", 0), "alan": ("late", 12), "élise": ("absent", 0)}
        self.add("log.opened", "blaise", NINE - timedelta(days=3))
        roster = [{"student": pseudonym(name), "expected": True} for name in marks]
        details = {"roster": roster, "part": 1, "parts": 1}
        self.add("roll_call.opened", "hopper", NINE, content=course, details=details, **teach)
        for minute, (student, (presence, late)) in enumerate(marks.items(), start=1):
            if presence != "present":
                self.add(
                    "roll_call.marked",
                    "hopper",
                    NINE + timedelta(minutes=minute),
                    student=student,
                    details={"presence": presence, "minutes_late": late},
                    content={"people": named("hopper", student)},
                    **teach,
                )
        self.end_roll_call(marks, content=course)
        self.open_sign_in()
        self.sign("ada", NINE + timedelta(minutes=21))
        self.sign("alan", NINE + timedelta(minutes=22), certified=timedelta(hours=2), method="keyboard")
        self.add("meeting.validated", "blaise", NINE + timedelta(hours=3), meeting=MEETING, content={})
        self.ask()
        return self

    def end_roll_call(self, marks, *, content=None, part=1, parts=1):
        roster = [
            {"student": pseudonym(name), "presence": presence, "minutes_late": late, "expected": True}
            for name, (presence, late) in marks.items()
        ]
        return self.add(
            "roll_call.ended",
            "hopper",
            NINE + timedelta(minutes=15),
            role="teacher",
            meeting=MEETING,
            teachers=("hopper",),
            details={"roster": roster, "part": part, "parts": parts},
            content=content,
        )

    def open_sign_in(self, *, closes_at=NINE + timedelta(hours=2)):
        return self.add(
            "sign_in.opened",
            "hopper",
            NINE + timedelta(minutes=16),
            role="teacher",
            meeting=MEETING,
            teachers=("hopper",),
            method="drawn",
            details={"closes_at": records.instant(closes_at)},
            content={"people": named("hopper"), "drawing": DRAWING},
        )

    def sign(self, student, at, *, method="drawn", content=None, **others):
        said = {"people": named(student)} | ({"drawing": DRAWING} if method == "drawn" else {})
        return self.add(
            "sign_in.signed",
            student,
            at,
            role="student",
            meeting=MEETING,
            student=student,
            method=method,
            content=said if content is None else content,
            **others,
        )

    def ask(self, *, approver="sophie"):
        details = {"request": REQUEST.id}
        self.add("audit_trail.requested", "blaise", NINE + timedelta(days=1), details=details, content={})
        self.add("audit_trail.approved", approver, NINE + timedelta(days=1, hours=1), details=details, content={})


def relisted(files):
    """The same files with a manifest that lists them as they are now: what a forger would redo."""
    was = manifest.parse(files[layout.MANIFEST])
    return {**files, layout.MANIFEST: manifest.write(was.code, was.request, files)}


def rewrite(data, change, *, relist=False):
    """A bundle whose files were changed by a function of the dictionary, in a well-made container."""
    files = bundle.read(data)
    change(files)
    return bundle.write(relisted(files) if relist else files)
