"""Any EVM chain with JSON-RPC, through web3. Legacy transactions with an explicit gas price, which every such chain takes.

No compiler is needed: `contract/` holds source, ABI and bytecode. Every request is given up after `timeout` seconds and never tried
again by itself: the schedule comes again soon enough, and a node that hangs must not hold anything else up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.resources import files
from typing import Any

from foundation.errors import BadInput
from traceability.chain import Chain, ChainDown, ChainIdentity, ChainTrouble, Logged, Mined, OutOfGas, Prepared, Stand

# What is meant for development says so. Ids 1337 and 31337 are those its tools use by custom.
_DEVELOPMENT_CLIENTS = ("anvil", "hardhat", "ganache", "ethereumjs")
_DEVELOPMENT_IDS = (1337, 31337)
_GAS_MARGIN = 1.2
_PLENTY = 10**24
# An anchor took 67,559 gas at first and 33,371 later, a contract 155,838: more than this is not our contract.
_MOST_GAS = 2_000_000


def contract_file(name: str) -> str:
    """Return one of the shipped files of the contract: `SuheAnchor.vy`, `SuheAnchor.abi.json` or `SuheAnchor.bin`."""
    return (files("traceability") / "contract" / name).read_text()


def _load() -> None:
    """Import web3 and leave the interpreter as it was.

    One of the libraries it brings raises the recursion limit of the whole process to 100,000 when it is imported. From then on a deeply
    nested JSON in any request would not be refused with an error but end the process.
    """
    limit = sys.getrecursionlimit()
    try:
        import eth_account
        import web3

        assert eth_account and web3
    finally:
        sys.setrecursionlimit(limit)


class EvmChain(Chain):
    """A chain at `url`, and the account whose key pays. web3 is loaded at the first question, not before."""

    def __init__(self, url: str, key: bytes, *, timeout: float = 3.0) -> None:
        self._url, self._key, self._timeout = url, key, timeout

    def identity(self) -> ChainIdentity:
        """Return which chain answers."""
        with _translated():
            eth = self._web3.eth
            chain_id, height = int(eth.chain_id), int(eth.block_number)
            genesis = bytes(eth.get_block(0)["hash"])
            client = str(self._web3.client_version).lower()
            development = chain_id in _DEVELOPMENT_IDS or client.startswith(_DEVELOPMENT_CLIENTS)
            return ChainIdentity(chain_id, genesis, height, development)

    def account(self) -> str:
        """Return the address that pays."""
        return str(self._account.address)

    def funds(self) -> int:
        """Return what it holds, in wei."""
        with _translated():
            return int(self._web3.eth.get_balance(self._account.address))

    def fund_on_development_chain(self) -> None:
        """Let anvil give the account money."""
        with _translated():
            self._web3.provider.make_request("anvil_setBalance", [self._account.address, hex(_PLENTY)])

    def stand(self, contract: str, log_key_hash: bytes) -> Stand | None:
        """Return what the contract holds; None where there is none of ours, for this log, at that address."""
        from web3.exceptions import BadFunctionCallOutput, ContractLogicError

        with _translated():
            if not self._web3.eth.get_code(self._address(contract)):
                return None
            try:
                ours = self._contract(contract)
                _, log = ours.functions.identity().call()
                size, root = ours.functions.latest().call()
            except (BadFunctionCallOutput, ContractLogicError):
                return None
            return Stand(int(size), bytes(root)) if bytes(log) == log_key_hash else None

    def prepare_contract(self, log_key_hash: bytes) -> Prepared:
        """Return a signed transaction that makes a contract for this log."""
        with _translated():
            maker = self._web3.eth.contract(abi=self._abi, bytecode=contract_file("SuheAnchor.bin").strip())
            built = maker.constructor(log_key_hash).data_in_transaction
            signed, nonce = self._signed({"data": built}, tries=0)
            return Prepared("0x" + bytes(signed.hash).hex(), bytes(signed.raw_transaction), made_address(self._account.address, nonce))

    def prepare_anchor(self, contract: str, size: int, root: bytes, *, tries: int = 0) -> Prepared:
        """Return a signed transaction that anchors."""
        with _translated():
            data = self._contract(contract).encode_abi("anchor", [size, root])
            signed, _ = self._signed({"to": self._address(contract), "data": data}, tries=tries)
            return Prepared("0x" + bytes(signed.hash).hex(), bytes(signed.raw_transaction), contract)

    def send(self, prepared: Prepared) -> None:
        """Hand a signed transaction in; one that is known already is fine."""
        try:
            with _translated():
                self._web3.eth.send_raw_transaction(prepared.raw)
        except ChainTrouble as trouble:
            if "already known" not in trouble.got.lower() and "already imported" not in trouble.got.lower():
                raise

    def mined(self, tx_hash: str) -> Mined | None:
        """Return the block a transaction is in; None where it is in none."""
        from web3.exceptions import BlockNotFound, TransactionNotFound

        with _translated():
            try:
                receipt = self._web3.eth.get_transaction_receipt(tx_hash)
                block = self._web3.eth.get_block(receipt["blockNumber"])
            except (TransactionNotFound, BlockNotFound):
                return None
            if block["hash"] != receipt["blockHash"]:
                return None  # the receipt of a block that the chain has left
            return _mined(tx_hash, bool(receipt["status"]), block)

    def logged(self, contract: str, since_block: int, size: int | None = None) -> list[Logged]:
        """Return the anchors the contract's events tell of, oldest first."""
        with _translated():
            wanted = {} if size is None else {"size": size}
            told = self._contract(contract).events.Anchored.get_logs(from_block=since_block, argument_filters=wanted)
            blocks = {n: self._web3.eth.get_block(n) for n in {e["blockNumber"] for e in told}}
            return [
                Logged(
                    int(e["args"]["size"]),
                    bytes(e["args"]["root"]),
                    _mined("0x" + bytes(e["transactionHash"]).hex(), True, blocks[e["blockNumber"]]),
                )
                for e in sorted(told, key=lambda e: (e["blockNumber"], e["logIndex"]))
            ]

    def _signed(self, fields: dict[str, Any], *, tries: int) -> tuple[Any, int]:
        """Return a signed transaction and its nonce, after the chain said that it would work and that the account can pay.

        The nonce is that of the last block, not of what waits: a transaction that is stuck is replaced, never queued behind.
        """
        eth = self._web3.eth
        sender = self._account.address
        gas = min(int(eth.estimate_gas({"from": sender, **fields}) * _GAS_MARGIN), _MOST_GAS)
        price = int(int(eth.gas_price) * 1.25 ** min(tries, 10))
        has = int(eth.get_balance(sender))
        if has < gas * price:
            raise OutOfGas(
                "the account that pays for anchors holds too little",
                expected=f"{gas * price} wei",
                got=f"{has} wei",
                todo=f"send some to {sender}; anchoring goes on by itself",
            )
        nonce = int(eth.get_transaction_count(sender))
        told = {"chainId": int(eth.chain_id), "nonce": nonce, "gas": gas, "gasPrice": price, "value": 0, **fields}
        return self._account.sign_transaction(told), nonce

    @cached_property
    def _web3(self) -> Any:
        _load()
        from web3 import HTTPProvider, Web3
        from web3.middleware import ExtraDataToPOAMiddleware

        if not self._url.startswith(("http://", "https://")):
            raise BadInput("this is no address of a chain", expected="http:// or https://", todo="set SUHE_CHAIN_URL")
        provider = HTTPProvider(self._url, request_kwargs={"timeout": self._timeout}, exception_retry_configuration=None)
        web3 = Web3(provider)
        # Chains of known members put their signatures where web3 expects 32 bytes at most.
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        return web3

    @cached_property
    def _account(self) -> Any:
        _load()
        from eth_account import Account

        return Account.from_key(self._key)

    @cached_property
    def _abi(self) -> Any:
        return json.loads(contract_file("SuheAnchor.abi.json"))

    def _contract(self, address: str) -> Any:
        return self._web3.eth.contract(address=self._address(address), abi=self._abi)

    def _address(self, text: str) -> Any:
        _load()
        from web3 import Web3

        if not Web3.is_address(text):
            raise BadInput("this is no address of a contract", expected="0x and 40 hexadecimal digits", got=text[:60])
        return Web3.to_checksum_address(text)


def made_address(sender: str, nonce: int) -> str:
    """Return the address of the contract that an account's transaction makes: the end of a hash over the RLP list of both."""
    _load()
    from web3 import Web3

    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    told = b"\x94" + bytes.fromhex(sender[2:]) + (number if 0 < nonce < 0x80 else bytes([0x80 + len(number)]) + number)
    return str(Web3.to_checksum_address(Web3.keccak(bytes([0xC0 + len(told)]) + told)[12:].hex()))


def _mined(tx_hash: str, ok: bool, block: Any) -> Mined:
    stamp = int(block["timestamp"])
    # Seconds by the standard; FISCO BCOS tells milliseconds.
    ms = stamp if stamp > 10**11 else stamp * 1000
    return Mined(tx_hash, ok, int(block["number"]), "0x" + bytes(block["hash"]).hex(), ms)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what web3 and its transport raise into our own words; no message may hold the address, which may hold a token."""
    _load()
    from eth_utils.exceptions import ValidationError
    from requests.exceptions import RequestException
    from web3.exceptions import ContractLogicError, Web3Exception

    try:
        yield
    except ContractLogicError as error:
        raise ChainTrouble(
            "the contract refuses", got=str(error.message or error)[:200], todo="suhe trace anchor status --check"
        ) from error
    except (RequestException, OSError) as error:
        raise ChainDown("the chain does not answer", got=type(error).__name__, todo="start it; what waits is anchored by itself") from error
    except (Web3Exception, ValidationError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        said = str(error)[:200]
        if "insufficient funds" in said.lower():
            raise OutOfGas("the account that pays for anchors holds too little", got=said, todo="send it some") from error
        raise ChainTrouble("the chain's answer is no use", got=f"{type(error).__name__}: {said}", todo="look at the node") from error
