"""Acts in threads that start together: real threads, real transactions."""

import threading

from django.db import connection
from django_scopes import scope


def at_once(base, *acts):
    """Run acts in the scope of a base, in threads that start together; answer what each returned or raised."""
    barrier, answers = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number, act):
        try:
            with scope(base=base):
                barrier.wait()
                answers[number] = act()
        except Exception as error:  # noqa: BLE001 - given back to the test
            answers[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
