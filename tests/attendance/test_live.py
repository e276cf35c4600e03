import threading

from emarge.attendance.live import Hub

BASE = "00000000-0000-4000-8000-000000000000"
MEETING, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def listening(hub):
    calls = []
    hub.listen(lambda: calls.append(1))
    return calls


def test_what_changed_is_taken_once_with_its_base():
    hub = Hub()
    listening(hub)
    hub.publish(BASE, MEETING)
    hub.publish(BASE, OTHER)
    assert hub.take() == {MEETING: BASE, OTHER: BASE}
    assert hub.take() == {}


def test_many_changes_call_once_until_they_are_taken():
    hub = Hub()
    calls = listening(hub)
    for _ in range(300):
        hub.publish(BASE, MEETING)
    assert len(calls) == 1
    hub.take()
    hub.publish(BASE, MEETING)
    assert len(calls) == 2


def test_nothing_is_kept_while_nobody_listens():
    hub = Hub()
    hub.publish(BASE, MEETING)
    calls = listening(hub)
    assert (hub.take(), calls) == ({}, [])
    hub.publish(BASE, MEETING)
    hub.listen(None)
    hub.publish(BASE, OTHER)
    assert hub.take() == {}


def test_a_listener_whose_loop_is_closed_harms_no_writer():
    hub = Hub()

    def closed():
        raise RuntimeError

    hub.listen(closed)
    hub.publish(BASE, MEETING)
    hub.take()
    hub.publish(BASE, OTHER)
    assert hub.take() == {}


def test_many_threads_publish_at_once():
    hub = Hub()
    listening(hub)
    threads = [threading.Thread(target=hub.publish, args=(BASE, str(number))) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.take() == {str(number): BASE for number in range(64)}
