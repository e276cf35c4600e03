"""Bundles whose log was dated from outside: what they say more, and how each falsehood is named."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.proof.evidence.school import NINE, ORIGIN, REQUEST, SHEET, School
from tests.proof.faults.every_byte import in_the_files, places, survivors
from tests.proof.timestamping.services import DAY, Hierarchy, authority, certify, der, token

from emarge.proof.evidence import bundle, dated, layout, seal
from emarge.proof.evidence.errors import EvidenceError, Fault
from emarge.proof.evidence.seal import Gathered
from emarge.proof.evidence.verdict import Dated
from emarge.proof.evidence.verify import verify_bundle
from emarge.proof.vault.log import checkpoint, merkle
from emarge.proof.vault.storage.dated import DatedCheckpoint

AT = NINE + timedelta(days=1, hours=12)
SECOND = timedelta(seconds=1)


class DatedSchool(School):
    """A school whose log an external service dated at some sizes."""

    def __post_init__(self):
        super().__post_init__()
        start = {"start": NINE - 30 * DAY}
        self.service = Hierarchy("p256", intermediate=False, signer_options=start)
        self.service.root = certify("root", self.service.root_key, *authority(), **start)

    @property
    def anchors(self):
        found = super().anchors
        return replace(found, timestamp_roots=(*found.timestamp_roots, der(self.service.root)))

    def dated(self, size, *, at=AT, key=None, data=None):
        head = checkpoint.Checkpoint(ORIGIN, size, merkle.root_hash(self.leaves()[:size]))
        note = checkpoint.sign(head, key or self.key)
        return DatedCheckpoint(size, note, token(self.service, sha256(data or note).digest(), at=at))

    def growth(self, size):
        leaves = self.leaves()

        def node(level, index):
            return merkle.root_hash(leaves[index << level : (index + 1) << level])

        return merkle.consistency_proof(node, size, len(leaves))

    def sealed_with(self, *found):
        """The bundle of everything with these dated checkpoints."""
        drafted = seal.draft(
            anchors=self.anchors,
            request=REQUEST,
            gathered=[self.gathered(index) for index in range(len(self.entries))],
            sheet=SHEET,
            certificates=self.chain,
            dated=found,
        )
        produced = self.produce(drafted.digest)
        return seal.assemble(
            drafted,
            produced=Gathered(produced, self.entries[produced]),
            hashes={index: self.hashes(index) for index in (*drafted.indexes, produced)},
            checkpoint=self.note(),
            growth={one.size: self.growth(one.size) for one in found},
        )


@pytest.fixture
def school(tmp_path):
    return DatedSchool(tmp_path / "authority").play()


def fault(call, *arguments):
    with pytest.raises(EvidenceError) as refused:
        call(*arguments)
    return refused.value.fault, refused.value.file


def test_the_verdict_tells_what_existed_when_according_to_whom(school):
    data = school.sealed_with(*(school.dated(size) for size in (7, 8, 11)))
    verdict = verify_bundle(data, school.anchors.fingerprint)
    assert verdict.dated == tuple(Dated(size, AT, SECOND, "Example Trust, signer") for size in (7, 8, 11))


def test_without_one_nothing_changes(school):
    data = school.sealed_with()
    assert verify_bundle(data, school.anchors.fingerprint).dated == ()
    assert not any(name.startswith("dated/") for name in bundle.read(data))


def test_no_byte_is_free(school):
    data = school.sealed_with(school.dated(7))
    files = bundle.read(data)
    chosen = [place for place in places(files) if place[0].startswith("dated/")]
    small = [place for place in chosen if not place[0].endswith(layout.TOKEN) or not place[1] % 5]
    assert survivors(in_the_files(files, small, relist=False), school.anchors.fingerprint) == []
    assert survivors(in_the_files(files, small[::11], relist=True), school.anchors.fingerprint) == []


def test_another_key_signed_it(school):
    forged = school.dated(7, key=Ed25519PrivateKey.generate())
    assert fault(school.sealed_with, forged) == (Fault.CHECKPOINT, "dated/0000000007.checkpoint")


def test_another_history_of_the_same_size(school):
    other = DatedSchool(school.folder.with_name("other"), key=school.key).play()
    other.service = school.service
    forged = other.dated(7)
    assert fault(school.sealed_with, forged) == (Fault.PROOF_MALFORMED, "dated/0000000007.consistency")


def test_another_size_than_its_name(school):
    forged = replace(school.dated(7), size=8)
    assert fault(school.sealed_with, forged) == (Fault.CHECKPOINT, "dated/0000000008.checkpoint")


def test_the_token_of_something_else(school):
    forged = school.dated(7, data=b"something else")
    assert fault(school.sealed_with, forged) == (Fault.TOKEN, "dated/0000000007.tst")


def test_a_service_that_the_anchors_do_not_name(school):
    forged = school.dated(7)
    school.service = Hierarchy("p256", intermediate=False)
    assert fault(school.sealed_with, forged) == (Fault.TOKEN, "dated/0000000007.tst")


def test_a_record_certified_after_a_date_of_the_log_that_holds_it(school):
    # The last record before the 7th stands at 9:21 and is certified a second later.
    early = school.dated(7, at=NINE + timedelta(minutes=5))
    assert fault(school.sealed_with, early)[0] is Fault.TIME_ORDER


@pytest.mark.parametrize("suffix", [layout.NOTE, layout.TOKEN, layout.GROWTH])
def test_a_missing_part(school, suffix):
    files = bundle.read(school.sealed_with(school.dated(7)))
    name = layout.dated_stem(7) + suffix
    del files[name]
    assert fault(verify_bundle, bundle.write(files), school.anchors.fingerprint) == (Fault.FILE_MISSING, name)


def test_which_ones_a_bundle_takes():
    assert dated.choose([], [1, 2]) == []
    assert dated.choose([3, 5, 9], [0, 2, 3, 4]) == [3, 5]
    assert dated.choose([3, 5, 9], [8, 9]) == [9]
    assert dated.choose([3], [3]) == []
    many = dated.choose(range(1, 1001), range(1000))
    assert (len(many), many[-1]) == (100, 1000)
    assert len(dated.choose(range(1, 102), range(101))) == 51
