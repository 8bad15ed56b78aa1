"""What can go wrong, and what to do about it.

    EmailModuleError
    |-- InvalidValue              a value a person or a caller gave: mend it
    |-- Conflict                  the row moved while we looked at it: reload and decide again
    |-- NotFound                  no such row, or another tenant's
    |-- Recovering                the database was restored and the gap is being closed: try again later
    |-- StoreUnavailable          the database did not answer: try again later; nothing was changed, or it is not known
    |-- ProviderError             Postmark or Route 53
    |   |-- ProviderUnavailable   the call had no effect: the same call may be made again, later
    |   |   `-- OutOfTurn         we did not call: too many of us want to at once
    |   |-- ProviderRefused       the call had no effect: the same call would be refused again
    |   `-- OutcomeUnknown        the call may have had its effect: look before doing anything else
    `-- KeyMaterialError
        |-- KeyVersionMissing     the ciphertext names a version that is not mounted: mount it
        `-- CiphertextInvalid     not ours, cut short or changed: ask a person

Messages never hold a token, a body or a recipient.
"""


class EmailModuleError(Exception):
    """Root of every error this module raises on purpose."""


class InvalidValue(EmailModuleError):
    def __init__(self, field: str, advice: str) -> None:
        super().__init__(f"{field}: {advice}")
        self.field = field
        self.advice = advice


class Conflict(EmailModuleError):
    """A compare-and-set found another version than the one that was read."""


class NotFound(EmailModuleError):
    """Also raised for another tenant's row: its existence is not the caller's to know."""


class Recovering(EmailModuleError):
    """Nothing was done. What is not here may yet be found at the provider: nothing may be concluded from that."""


class StoreUnavailable(EmailModuleError):
    """Connection lost, refused, timed out or used up. After a commit was sent its outcome is unknown."""


class ProviderError(EmailModuleError):
    """`code` is the provider's own code as text, or a short word of ours such as `timeout`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ProviderUnavailable(ProviderError):
    def __init__(self, code: str, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after_seconds = retry_after_seconds


class OutOfTurn(ProviderUnavailable):
    """Our own pace forbids the call for now. It says nothing of the provider, and is no failed try."""

    def __init__(self, neighbour: str, *, retry_after_seconds: float) -> None:
        message = f"as many calls to {neighbour} as its pace allows are under way already"
        super().__init__("out_of_turn", message, retry_after_seconds=retry_after_seconds)


class ProviderRefused(ProviderError):
    """`account_wide` when no request of the account would pass: credentials, credits, limits."""

    def __init__(self, code: str, message: str, *, account_wide: bool = False) -> None:
        super().__init__(code, message)
        self.account_wide = account_wide


class OutcomeUnknown(ProviderError):
    pass


class KeyMaterialError(EmailModuleError):
    pass


class KeyVersionMissing(KeyMaterialError):
    def __init__(self, version: str) -> None:
        super().__init__(f"key version {version} is not mounted")
        self.version = version


class CiphertextInvalid(KeyMaterialError):
    pass
