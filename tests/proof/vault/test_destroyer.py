"""Destruction inside a vault: what goes, what stays, what refuses it, and what a crash leaves."""

import os
import shutil
import uuid

import pytest
from tests.proof.vault.aged import SIZE, Authority, Old, contents, retention

from emarge.proof.vault.destruction import destroyer as destroying
from emarge.proof.vault.destruction.plans import leaves_digest, open_certificate
from emarge.proof.vault.errors import CorruptVault, StampUnavailable, VaultRefused
from emarge.proof.vault.log import merkle
from emarge.proof.vault.log.checkpoint import open_checkpoint
from emarge.proof.vault.log.deposits import Deposit
from emarge.proof.vault.log.ranges import Ranges
from emarge.proof.vault.log.tiles import ENTRIES, Tile
from emarge.proof.vault.storage.reader import LogReader


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def old(folder, authority):
    one = Old(folder, authority)
    yield one
    one.vault.close()


def refused(work, *values):
    with pytest.raises(VaultRefused) as caught:
        work(*values)
    return caught.value.code


def test_contents_shreds_keys_and_contents_and_nothing_else(old):
    done = old.destroy(contents(old.order, [3, 4, 300]))
    gone, raw = [old.deposits[index] for index in (3, 4, 300)], old.raw()
    for deposit in gone:
        assert deposit.content_key not in raw
        assert deposit.content not in raw
        assert deposit.payload in raw
    assert old.deposits[5].content_key in raw
    assert [old.vault.content("school", index) for index in (3, 4, 300)] == [None] * 3
    assert old.vault.content("school", 5).key == old.deposits[5].content_key
    assert old.vault.sequencer.find("school", "all") == list(range(SIZE))
    plan = done.certificate.plan
    assert (plan.records.text, plan.entries.text, plan.order_index) == ("3-4 300", "none", SIZE)
    assert plan.leaves == leaves_digest(LogReader(old.log), Ranges.of([3, 4, 300]), SIZE)


def test_retention_takes_whole_bundles_and_every_proof_still_stands(old):
    notes = [open_checkpoint(old.writer.log.sign(old.writer.size, old.writer._stored.tree.root()), old.writer.log.vkey)]
    reader = LogReader(old.log)
    kept = {index: merkle.leaf_hash(reader.entry(index, SIZE)) for index in (520, 599)}
    done = old.destroy(retention(old.order, 530))
    raw = old.raw()
    assert not any(deposit.content_key in raw or deposit.content in raw for deposit in old.deposits[:530])
    assert not any(deposit.payload in raw for deposit in old.deposits[100:512])
    assert old.deposits[520].payload in raw
    assert old.bundles() == ["002.p"]
    assert (done.plan.records.text, done.plan.entries.text) == ("0-529", "0-511")
    assert old.vault.sequencer.find("school", "all") == list(range(512, SIZE))
    for index, leaf in kept.items():
        proof = reader.inclusion_proof(index, notes[0].size)
        merkle.verify_inclusion(leaf, index, notes[0].size, proof, notes[0].root)
    assert reader.inclusion_proof(7, notes[0].size)
    certificate = open_certificate(done.sealed.note, old.writer.log.vkey)
    assert certificate.decided == old.authority.now
    assert old.authority.digest(done.sealed.token).hex() == done.sealed.digest
    old.write([old.record(700, "student:1")])
    old.reopen()
    assert old.writer.size == SIZE + 2


def test_a_partly_covered_bundle_goes_with_the_next_order(old):
    old.destroy(retention(old.order, 500))
    assert old.bundles() == ["001", "002.p"]
    assert refused(old.destroy, retention(old.ordered(), 400)) == "nothing_to_destroy"
    done = old.destroy(retention(old.ordered(), 512))
    assert (done.plan.records.text, done.plan.entries.text) == ("256-511", "256-511")
    assert old.bundles() == ["002.p"]


def test_a_destroyed_record_is_refused_and_its_uuid_stays_taken(old):
    old.destroy(retention(old.order, 512))
    destructions = old.destroyer.destructions
    assert refused(destructions.require, 5) == "destroyed"
    destructions.require(512)
    assert [destructions.has_bundle(Tile(ENTRIES, number)) for number in (0, 1, 2)] == [True, True, False]
    assert not destructions.has_bundle(Tile(0, 0))
    fresh = old.record(1, "student:1")
    [again, mixed, kept] = old.writer.write([[old.deposits[5]], [fresh, old.deposits[6]], [old.deposits[520]]])
    assert (again.code, mixed.code) == ("destroyed", "destroyed")
    assert kept[0].index == 520
    assert old.vault.sequencer.places("school", [fresh.uuid]) == {}


def test_the_same_order_again_gives_the_same_certificate_and_destroys_what_came_back(old):
    old.vault.contents.empty_logs()
    keys = (old.folder / "keys" / "keys.sqlite3").read_bytes()
    bundle = (old.log / "tile" / "entries" / "000").read_bytes()
    first = old.destroy(retention(old.order, 512))
    assert old.destroy(retention(old.order, 512)).sealed == first.sealed
    old.vault.close()
    for path in (old.folder / "keys").iterdir():
        path.unlink()
    (old.folder / "keys" / "keys.sqlite3").write_bytes(keys)
    (old.log / "tile" / "entries" / "000").write_bytes(bundle)
    old.reopen()
    assert old.bundles() == ["002.p"]
    assert old.deposits[5].content_key in old.raw()
    assert old.destroy(retention(old.order, 512)).sealed == first.sealed
    assert old.deposits[5].content_key not in old.raw()
    assert old.deposits[520].content_key in old.raw()
    for other in (retention(old.order, 511), contents(old.order, [0])):
        assert refused(old.destroy, other) == "order_reused"


def test_what_is_refused_destroys_nothing(old):
    before = old.raw()
    young = old.ordered()
    assert refused(old.destroy, retention(str(uuid.uuid4()), 10)) == "no_order"
    assert refused(old.destroy, retention(old.order, 601)) == "order_in_scope"
    assert refused(old.destroy, contents(old.order, [1, 600])) == "order_in_scope"
    assert refused(old.destroy, retention(old.order, 603)) == "unknown_index"
    assert refused(old.destroy, contents(old.order, [602])) == "unknown_index"
    old.destroyer.raise_period(1829)
    assert refused(old.destroy, retention(young, 512)) == "too_young"
    assert not list((old.folder / "retention" / "school").glob("*.plan"))
    assert before.count(b"record 5") == old.raw().count(b"record 5")
    old.authority.pass_days(1)
    assert old.destroy(retention(young, 512)).plan.period == 1829


def test_one_young_record_refuses_the_whole_order(old):
    old.write([old.record(600, "student:0")])
    assert refused(old.destroy, retention(old.ordered(), 602)) == "too_young"


def test_a_hold_on_the_log_refuses_every_order(old):
    hold = old.hold(None)
    old.reopen()
    assert refused(old.destroy, retention(old.order, 512)) == "held"
    assert refused(old.destroy, contents(old.order, [1])) == "held"
    old.destroyer.release_hold(hold, "2028/3")
    assert old.destroy(retention(old.order, 512)).plan.records.text == "0-511"


def test_a_hold_on_a_label_spares_its_records_and_their_bundles(old):
    one = old.record(9, "student:held")
    old.write([one])
    hold = old.hold("student:held")
    assert refused(old.destroy, contents(old.order, [1, SIZE + 1])) == "held"
    old.authority.pass_days(1828)
    order = old.ordered()
    old.hold("student:3")
    done = old.destroy(retention(order, SIZE + 2))
    assert 3 not in done.plan.records
    assert SIZE + 1 not in done.plan.records
    assert (done.plan.records.count, done.plan.entries.text) == (SIZE + 2 - SIZE // 10 - 1, "none")
    assert old.vault.content("school", 3).key == old.deposits[3].content_key
    assert old.vault.content("school", 4) is None
    old.destroyer.release_hold(hold, "2028/3")
    assert old.destroy(retention(old.ordered(), SIZE + 2)).plan.records.count == done.plan.records.count + 1


def test_a_token_that_cannot_be_read_refuses(old, monkeypatch):
    monkeypatch.setattr(old.destroyer, "_token_time", destroying.unreadable)
    assert refused(old.destroy, contents(old.order, [1])) == "unreadable_token"
    assert old.vault.content("school", 1)


def test_without_the_authority_nothing_is_decided_and_a_decided_one_waits_for_its_certificate(old, monkeypatch):
    def away(_):
        raise StampUnavailable("told so by the test")

    monkeypatch.setattr(old.destroyer, "_stamp", away)
    with pytest.raises(StampUnavailable):
        old.destroy(retention(old.order, 512))
    assert old.bundles() == ["000", "001", "002.p"]
    tokens = [old.authority.stamp]
    monkeypatch.setattr(old.destroyer, "_stamp", lambda digests: tokens.pop()(digests) if tokens else away(digests))
    with pytest.raises(StampUnavailable):
        old.destroy(retention(old.order, 512))
    assert old.bundles() == ["002.p"]
    [unfinished] = old.destroyer.destructions
    assert unfinished.certificate is None
    decided = old.authority.now
    old.authority.pass_days(3)
    old.reopen()
    [finished] = old.destroyer.destructions
    assert finished.certificate.decided == decided
    assert finished.sealed == old.destroy(retention(old.order, 512)).sealed


STEPS = ["destroy", "empty_logs", "drop_labels", "unlink_bundles", "put_certificate"]


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_is_finished_at_the_next_start(old, monkeypatch, step):
    class Crash(BaseException):
        pass

    def crash(*_):
        raise Crash

    places = {
        "destroy": old.vault.contents,
        "empty_logs": old.vault.contents,
        "drop_labels": old.vault.sequencer,
        "put_certificate": old.destroyer.destructions,
        "unlink_bundles": destroying,
    }
    monkeypatch.setattr(places[step], step, crash)
    with pytest.raises(Crash):
        old.destroy(retention(old.order, 512))
    monkeypatch.undo()
    old.reopen()
    [done] = old.destroyer.destructions
    raw = old.raw()
    assert done.certificate
    assert not any(deposit.content_key in raw or deposit.payload in raw for deposit in old.deposits[100:512])
    assert old.bundles() == ["002.p"]
    assert old.vault.sequencer.find("school", "all") == list(range(512, SIZE))


def test_another_log_is_left_alone(old):
    old.vault.open_log("other")
    twin = Deposit(old.deposits[1].uuid, b"twin", (), b"content of another", os.urandom(32))
    old.vault.writers["other"].write([[twin]])
    old.destroy(contents(old.order, [1]))
    assert old.vault.content("other", 0).key == twin.content_key


def test_a_false_plan_or_certificate_stops_the_vault(old):
    old.destroy(contents(old.order, [1]))
    folder = old.folder / "retention" / "school"
    path = folder / f"{old.order}.certificate"
    good = path.read_bytes()
    for bad in (good.replace(b"count 1", b"count 2"), b"", good[:-30]):
        path.write_bytes(bad)
        with pytest.raises(CorruptVault, match="certificate"):
            old.reopen()
    path.write_bytes(good)
    shutil.copy(path, folder / f"{uuid.uuid4()}.certificate")
    with pytest.raises(CorruptVault, match="another order"):
        old.reopen()
