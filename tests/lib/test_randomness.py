import os
import threading

import pytest

from emarge.lib.randomness import random_bytes, random_uuid


def test_nothing_is_given_twice_also_by_threads():
    given: list[bytes] = []
    threads = [threading.Thread(target=lambda: given.extend(random_bytes(16) for _ in range(1000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 4000
    assert {len(one) for one in given} == {16}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_draws_anew():
    random_bytes(1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, random_bytes(32))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 32) != random_bytes(32)


def test_uuids_are_random_ones():
    made = [random_uuid() for _ in range(500)]
    assert len(set(made)) == 500
    assert {(one.version, one.variant) for one in made} == {(4, "specified in RFC 4122")}
