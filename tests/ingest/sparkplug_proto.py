"""Sparkplug's payload for google's protobuf, built from the public field numbers: the oracle for our own reader and writer."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_T = descriptor_pb2.FieldDescriptorProto
_KINDS = {
    "uint32": _T.TYPE_UINT32, "uint64": _T.TYPE_UINT64, "float": _T.TYPE_FLOAT, "double": _T.TYPE_DOUBLE, "bool": _T.TYPE_BOOL,
    "string": _T.TYPE_STRING, "bytes": _T.TYPE_BYTES,
}  # fmt: skip
# Message -> field -> number, type (a scalar or a message), whether repeated, whether one of the value's kinds.
_MESSAGES: dict[str, dict[str, tuple[int, str, bool, bool]]] = {
    "PropertyValue": {
        "type": (1, "uint32", False, False), "is_null": (2, "bool", False, False), "int_value": (3, "uint32", False, True),
        "long_value": (4, "uint64", False, True), "float_value": (5, "float", False, True), "double_value": (6, "double", False, True),
        "boolean_value": (7, "bool", False, True), "string_value": (8, "string", False, True),
    },
    "PropertySet": {"keys": (1, "string", True, False), "values": (2, "PropertyValue", True, False)},
    "DataSetValue": {"int_value": (1, "uint32", False, True), "string_value": (6, "string", False, True)},
    "Row": {"elements": (1, "DataSetValue", True, False)},
    "DataSet": {
        "num_of_columns": (1, "uint64", False, False), "columns": (2, "string", True, False), "types": (3, "uint32", True, False),
        "rows": (4, "Row", True, False),
    },
    "Template": {
        "version": (1, "string", False, False), "metrics": (2, "Metric", True, False), "template_ref": (4, "string", False, False),
        "is_definition": (5, "bool", False, False),
    },
    "MetaData": {"content_type": (2, "string", False, False), "size": (3, "uint64", False, False)},
    "Metric": {
        "name": (1, "string", False, False), "alias": (2, "uint64", False, False), "timestamp": (3, "uint64", False, False),
        "datatype": (4, "uint32", False, False), "is_historical": (5, "bool", False, False), "is_transient": (6, "bool", False, False),
        "is_null": (7, "bool", False, False), "metadata": (8, "MetaData", False, False), "properties": (9, "PropertySet", False, False),
        "int_value": (10, "uint32", False, True), "long_value": (11, "uint64", False, True), "float_value": (12, "float", False, True),
        "double_value": (13, "double", False, True), "boolean_value": (14, "bool", False, True),
        "string_value": (15, "string", False, True), "bytes_value": (16, "bytes", False, True),
        "dataset_value": (17, "DataSet", False, True), "template_value": (18, "Template", False, True),
    },
    "Payload": {
        "timestamp": (1, "uint64", False, False), "metrics": (2, "Metric", True, False), "seq": (3, "uint64", False, False),
        "uuid": (4, "string", False, False), "body": (5, "bytes", False, False),
    },
}  # fmt: skip


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_oracle.proto", package="oracle", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(one for *_, one in fields.values()):
            message.oneof_decl.add(name="value")
        for field, (number, kind, repeated, one) in fields.items():
            made = message.field.add(name=field, number=number, label=_T.LABEL_REPEATED if repeated else _T.LABEL_OPTIONAL)
            if kind in _KINDS:
                made.type = _KINDS[kind]
            else:
                made.type, made.type_name = _T.TYPE_MESSAGE, f".oracle.{kind}"
            if one:
                made.oneof_index = 0
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())  # type: ignore[no-untyped-call]
Payload: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("oracle.Payload"))  # type: ignore[no-untyped-call]
