from argon2 import extract_parameters

from emarge.accounts.hashers import Argon2Hasher
from emarge.settings import PASSWORD_HASHERS


def test_passwords_are_argon2id_with_the_parameters_that_owasp_gives() -> None:
    hasher = Argon2Hasher()
    encoded = hasher.encode("correct horse battery staple", hasher.salt())
    parameters = extract_parameters(encoded.removeprefix("argon2"))
    assert (parameters.type.name, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        "ID",
        19 * 1024,
        2,
        1,
    )
    assert hasher.verify("correct horse battery staple", encoded)
    assert not hasher.verify("correct horse battery", encoded)


def test_it_is_the_only_hasher_of_the_product() -> None:
    assert PASSWORD_HASHERS == ["emarge.accounts.hashers.Argon2Hasher"]
