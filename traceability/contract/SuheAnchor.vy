# pragma version 0.4.3
"""
@title Where a Suhe log stood, written where its operator cannot take it back.
@notice One contract per log. It keeps the newest size and root; earlier ones are in its events. The size can only grow, so a log
        that was cut back, or has two histories of one size, cannot be anchored here unseen.
"""

event Anchored:
    size: indexed(uint256)
    root: bytes32

OWNER: immutable(address)  # who pays; another key than the one that signs checkpoints
LOG: immutable(bytes32)  # SHA-256 of the log's public key as C2SP writes it

size: uint256
root: bytes32


@deploy
def __init__(log_key_hash: bytes32):
    OWNER = msg.sender
    LOG = log_key_hash


@external
def anchor(size: uint256, root: bytes32):
    assert msg.sender == OWNER, "not owner"
    assert size > self.size, "not growing"
    self.size = size
    self.root = root
    log Anchored(size=size, root=root)


@external
@view
def latest() -> (uint256, bytes32):
    return self.size, self.root


@external
@view
def identity() -> (address, bytes32):
    return OWNER, LOG
