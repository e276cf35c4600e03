from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2Hasher(Argon2PasswordHasher):
    """Argon2id with the parameters that OWASP gives for logins: 19 MiB, two passes, one lane.

    Django's default costs eight times the CPU, which a morning's logins cannot afford.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1
