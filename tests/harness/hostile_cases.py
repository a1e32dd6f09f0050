# SPDX-License-Identifier: Apache-2.0
#
# What varlink-hostile.py sends in one go, and what must come back.

import json

MESSAGE_MAX = 1024 * 1024
DEPTH_MAX = 32
MONITOR = "io.irqwatch.monitor."
SERVICE = "org.varlink.service."
INFO = b'{"method":"org.varlink.service.GetInfo"}\0'
CLOSED = object()  # in the place of a reply: nothing more comes, and the connection ends
OK = "ok"


def message(method, parameters=None, **flags):
    if "." not in method:
        method = MONITOR + method
    return json.dumps({"method": method, "parameters": parameters or {}, **flags}).encode() + b"\0"


def raw(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def event(value):
    """GetEvent with an id written in this way."""
    return raw('{"method":"io.irqwatch.monitor.GetEvent","parameters":{"id":%s}}' % value)


def bad_text(characters):
    """GetEvent with a text of these bytes."""
    return event(f'"{characters}"').decode().encode("latin-1")


def nested(depth):
    """A call that is so deep, with all of it below a key that must be ignored."""
    inner = depth - 2
    return raw('{"method":"%sGetInfo","com.example.x":{"a":%s}}' % (SERVICE, "[" * inner + "]" * inner))


def padded(size):
    return raw(INFO[:-1] + b" " * (size - len(INFO) + 1))


INVALID_ID = ("InvalidParameter", {"parameter": "id"})
NO_EVENT = ("NoSuchEvent", None)

# Name, what is sent, and what must come back: OK, an error with its parameters, or CLOSED. Where the connection must
# live on, another call shows that it does.
CASES = [
    # What is not a message.
    ("empty message", b"\0", [CLOSED]),
    ("many empty messages", b"\0" * 1000, [CLOSED]),
    ("blanks only", raw(" \t\r\n"), [CLOSED]),
    ("garbage", raw("hello"), [CLOSED]),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0", [CLOSED]),
    ("null", raw("null"), [CLOSED]),
    ("number", raw("1"), [CLOSED]),
    ("string", raw('"x"'), [CLOSED]),
    ("array", raw("[]"), [CLOSED]),
    ("array of calls", raw(b"[" + INFO[:-1] + b"]"), [CLOSED]),
    ("empty object", raw("{}"), [CLOSED]),
    ("unclosed object", raw(INFO[:-2]), [CLOSED]),
    ("closed twice", raw(INFO[:-1] + b"}"), [CLOSED]),
    ("two objects in a message", raw(INFO[:-1] * 2), [CLOSED]),
    ("newline for NUL", INFO[:-1] + b"\n" + INFO, [CLOSED]),
    ("trailing comma", raw('{"method":"org.varlink.service.GetInfo",}'), [CLOSED]),
    ("missing colon", raw('{"method" "org.varlink.service.GetInfo"}'), [CLOSED]),
    ("missing comma", raw('{"method":"org.varlink.service.GetInfo" "more":false}'), [CLOSED]),
    ("unquoted key", raw('{method:"org.varlink.service.GetInfo"}'), [CLOSED]),
    ("single quotes", raw("{'method':'org.varlink.service.GetInfo'}"), [CLOSED]),
    ("comment", raw(b"/* */" + INFO[:-1]), [CLOSED]),
    ("byte order mark", raw(b"\xef\xbb\xbf" + INFO[:-1]), [CLOSED]),
    ("UTF-16", INFO[:-1].decode().encode("utf-16-le") + b"\0", [CLOSED]),
    ("blanks around", raw(b" \r\n\t" + INFO[:-1] + b" \r\n\t"), [OK]),
    ("good call before garbage", INFO + b"x\0", [OK, CLOSED]),
    ("good call behind garbage", b"x\0" + INFO, [CLOSED]),
    # Strings.
    ("UTF-8, cut off", bad_text("\xc3"), [CLOSED]),
    ("UTF-8, overlong", bad_text("\xc0\xaf"), [CLOSED]),
    ("UTF-8, surrogate", bad_text("\xed\xa0\x80"), [CLOSED]),
    ("UTF-8, beyond U+10FFFF", bad_text("\xf4\x90\x80\x80"), [CLOSED]),
    ("UTF-8, lone continuation", bad_text("\x80"), [CLOSED]),
    ("UTF-8, byte 0xff", bad_text("\xff"), [CLOSED]),
    ("UTF-8 in a key", raw(b'{"method":"org.varlink.service.GetInfo","\xff.x":{}}'), [CLOSED]),
    ("UTF-8, four bytes, where an integer belongs", event('"\U0001f600"'), [INVALID_ID]),
    ("escaped NUL", event(r'"\u0000"'), [CLOSED]),
    ("escaped NUL in the method", raw(r'{"method":"org.varlink.service.GetInfo\u0000x"}'), [CLOSED]),
    ("escaped NUL in a key", raw(r'{"method":"org.varlink.service.GetInfo","a.b\u0000":{}}'), [CLOSED]),
    ("lone surrogate", event(r'"\ud800"'), [CLOSED]),
    ("surrogates, wrong way round", event(r'"\udc00\ud800"'), [CLOSED]),
    ("unknown escape", event(r'"\x41"'), [CLOSED]),
    ("short escape", event(r'"\u12"'), [CLOSED]),
    ("control character", event('"\x01"'), [CLOSED]),
    ("raw newline in a string", event('"\n"'), [CLOSED]),
    ("escapes in the method", raw(r'{"\u006dethod":"org\u002evarlink.service.GetInfo"}'), [OK]),
    # Numbers.
    ("number as text", event('"1"'), [INVALID_ID]),
    ("largest integer", event("9223372036854775807"), [NO_EVENT]),
    ("beyond the largest integer", event("9223372036854775808"), [INVALID_ID]),
    ("smallest integer", event("-9223372036854775808"), [INVALID_ID]),
    ("below the smallest integer", event("-9223372036854775809"), [INVALID_ID]),
    ("2^64 + 1", event("18446744073709551617"), [INVALID_ID]),
    ("integer of 300 digits", event("9" * 300), [INVALID_ID]),
    ("integer beyond a double", event("9" * 400), [CLOSED]),
    ("integer of 100000 digits", event("1" * 100000), [CLOSED]),
    ("exponent beyond a double", event("1e400"), [CLOSED]),
    ("exponent of 1000 digits", event("1e-" + "9" * 1000), [INVALID_ID]),
    ("integer with fraction", event("1.0"), [INVALID_ID]),
    ("integer with exponent", event("1e0"), [INVALID_ID]),
    ("minus zero", event("-0"), [NO_EVENT]),
    ("leading zero", event("01"), [CLOSED]),
    ("leading plus", event("+1"), [CLOSED]),
    ("no digit before the point", event(".5"), [CLOSED]),
    ("no digit behind the point", event("1."), [CLOSED]),
    ("no digit in the exponent", event("1e"), [CLOSED]),
    ("hexadecimal", event("0x1"), [CLOSED]),
    ("NaN", event("NaN"), [CLOSED]),
    ("Infinity", event("Infinity"), [CLOSED]),
    ("minus Infinity", event("-Infinity"), [CLOSED]),
    ("True", event("True"), [CLOSED]),
    ("tru", event("tru"), [CLOSED]),
    # Size and depth.
    ("a message of the greatest size", padded(MESSAGE_MAX), [OK]),
    ("a message of one byte more", padded(MESSAGE_MAX + 1), [CLOSED]),
    ("4 MiB without an end", b"{" + b" " * (4 * MESSAGE_MAX), [CLOSED]),
    ("greatest depth", nested(DEPTH_MAX), [OK]),
    ("one level more", nested(DEPTH_MAX + 1), [CLOSED]),
    ("depth 500000", raw('{"a.b":' + "[" * 500000), [CLOSED]),
    ("depth of objects", raw('{"a":' * 100000), [CLOSED]),
    ("a key of 900 KiB", raw('{"method":"org.varlink.service.GetInfo","a.%s":{}}' % ("x" * 900000)), [OK]),
    ("4000 empty extensions", raw('{"method":"org.varlink.service.GetInfo"%s}' %
                                  "".join(',"a.%x":{}' % i for i in range(4000))), [OK]),
    ("70000 empty extensions", raw('{"method":"org.varlink.service.GetInfo"%s}' %
                                   "".join(',"a.%x":{}' % i for i in range(70000))), [CLOSED]),
    ("a method name of 900 KiB", raw('{"method":"a.%s"}' % ("x" * 900000)), [("InterfaceNotFound", {"interface": "a"})]),
    # Keys.
    ("method twice", raw('{"method":"org.varlink.service.GetInfo","method":"org.varlink.service.GetInfo"}'), [CLOSED]),
    ("parameters twice", raw('{"method":"org.varlink.service.GetInfo","parameters":{},"parameters":{}}'), [CLOSED]),
    ("a parameter twice", event('1,"id":2'), [CLOSED]),
    ("a parameter twice, one escaped", event(r'1,"\u0069d":2'), [CLOSED]),
    ("oneway twice", raw('{"method":"org.varlink.service.GetInfo","oneway":true,"oneway":false}'), [CLOSED]),
    ("unknown key", raw('{"method":"org.varlink.service.GetInfo","foo":1}'), [CLOSED]),
    ("key in capitals", raw('{"Method":"org.varlink.service.GetInfo"}'), [CLOSED]),
    ("empty key", raw('{"method":"org.varlink.service.GetInfo","":{}}'), [CLOSED]),
    ("a reply as a call", raw('{"parameters":{}}'), [CLOSED]),
    ("an error as a call", raw('{"error":"org.varlink.service.InvalidParameter","parameters":{}}'), [CLOSED]),
    ("call with an error", raw('{"method":"org.varlink.service.GetInfo","error":"a.b"}'), [CLOSED]),
    ("call that continues", raw('{"method":"org.varlink.service.GetInfo","continues":true}'), [CLOSED]),
    ("extension of a vendor", raw('{"method":"org.varlink.service.GetInfo","com.example.x":{"a":[1]}}'), [OK]),
    ("extension that is no object", raw('{"method":"org.varlink.service.GetInfo","com.example.x":1}'), [CLOSED]),
    ("method null", raw('{"method":null}'), [CLOSED]),
    ("method a number", raw('{"method":1}'), [CLOSED]),
    ("method an object", raw('{"method":{"org.varlink.service.GetInfo":{}}}'), [CLOSED]),
    ("parameters null", raw('{"method":"org.varlink.service.GetInfo","parameters":null}'), [OK]),
    ("parameters an array", raw('{"method":"org.varlink.service.GetInfo","parameters":[]}'), [CLOSED]),
    ("parameters text", raw('{"method":"org.varlink.service.GetInfo","parameters":"{}"}'), [CLOSED]),
    ("flags null", raw('{"method":"org.varlink.service.GetInfo","more":null,"oneway":null,"upgrade":null}'), [OK]),
    ("more a number", raw('{"method":"org.varlink.service.GetInfo","more":1}'), [CLOSED]),
    ("oneway text", raw('{"method":"org.varlink.service.GetInfo","oneway":"true"}'), [CLOSED]),
    ("upgrade an array", raw('{"method":"org.varlink.service.GetInfo","upgrade":[]}'), [CLOSED]),
    # Methods.
    ("method without interface", raw('{"method":"GetInfo"}'), [CLOSED]),
    ("method empty", raw('{"method":""}'), [CLOSED]),
    ("method a dot", raw('{"method":"."}'), [CLOSED]),
    ("interface empty", raw('{"method":".GetInfo"}'), [CLOSED]),
    ("method name empty", raw('{"method":"org.varlink.service."}'), [CLOSED]),
    ("unknown interface", message("org.example.Foo"), [("InterfaceNotFound", {"interface": "org.example"})]),
    ("interface in capitals", message("Org.Varlink.Service.GetInfo"),
     [("InterfaceNotFound", {"interface": "Org.Varlink.Service"})]),
    ("test-only interface", message("org.varlink.certification.Start"),
     [("InterfaceNotFound", {"interface": "org.varlink.certification"})]),
    ("strange interface", message("../../etc/passwd.Get"), [("InterfaceNotFound", {"interface": "../../etc/passwd"})]),
    ("unknown method", message("Nosuch"), [("MethodNotFound", {"method": MONITOR + "Nosuch"})]),
    ("method in lower case", message("getStatus"), [("MethodNotFound", {"method": MONITOR + "getStatus"})]),
    ("method with a blank", message("GetStatus "), [("MethodNotFound", {"method": MONITOR + "GetStatus "})]),
    ("a percent sign", message("%s%n"), [("MethodNotFound", {"method": MONITOR + "%s%n"})]),
    ("upgrade", message("GetStatus", upgrade=True), [("MethodNotImplemented", {"method": MONITOR + "GetStatus"})]),
    ("description of nothing", message(SERVICE + "GetInterfaceDescription"),
     [("InvalidParameter", {"parameter": "interface"})]),
    ("description of an unknown interface", message(SERVICE + "GetInterfaceDescription", {"interface": "a.b"}),
     [("InterfaceNotFound", {"interface": "a.b"})]),
    # Ways to call.
    ("more on a method that does not stream", message("GetStatus", more=True), [OK]),
    ("no more on one that only streams", message("Subscribe"), [("ExpectedMore", {})]),
    ("more false on one that only streams", message("Subscribe", more=False), [("ExpectedMore", {})]),
    ("oneway", message("GetStatus", oneway=True), []),
    ("oneway and more", message("GetStatus", oneway=True, more=True), []),
    ("oneway on one that only streams", message("Subscribe", oneway=True, more=True), []),
    ("oneway, unknown interface", message("a.b.C", oneway=True), []),
    ("oneway, unknown method", message("Nosuch", oneway=True), []),
    ("oneway, wrong parameter", message("GetEvent", {"id": "x"}, oneway=True), []),
    ("oneway, error of the method", message("GetEvent", {"id": 1 << 60}, oneway=True), []),
    ("oneway, then garbage", message("GetStatus", oneway=True) + b"x\0", [CLOSED]),
    ("oneway between two calls", INFO + message("Nosuch", oneway=True) + INFO, [OK, OK]),
    ("1000 oneway calls that fail", message("Nosuch", oneway=True) * 1000, []),
    ("error between two calls", INFO + message("Nosuch") + INFO, [OK, ("MethodNotFound", None), OK]),
    ("2000 calls at once", INFO * 2000, [OK] * 2000),
    # Values of the right type that mean nothing.
    ("time in the future", message("Report", {"sinceUsec": (1 << 63) - 1}),
     [("InvalidParameter", {"parameter": "sinceUsec"})]),
    ("time before the epoch", message("Report", {"sinceUsec": -1}), [("InvalidParameter", {"parameter": "sinceUsec"})]),
    ("end before begin", message("Report", {"sinceUsec": 5, "untilUsec": 4}),
     [("InvalidParameter", {"parameter": "untilUsec"})]),
    ("no CPUs", message("Report", {"sinceUsec": 1, "cpus": []}), [("InvalidParameter", {"parameter": "cpus"})]),
    ("CPU -1", message("Report", {"sinceUsec": 1, "cpus": [-1]}), [("InvalidParameter", {"parameter": "cpus"})]),
    ("CPU 2^62", message("Report", {"sinceUsec": 1, "cpus": [1 << 62]}), [("InvalidParameter", {"parameter": "cpus"})]),
    ("no interrupts", message("Report", {"sinceUsec": 1, "interruptsMax": 0}),
     [("InvalidParameter", {"parameter": "interruptsMax"})]),
    ("no CPUs of a row", message("Report", {"sinceUsec": 1, "perCpuMax": -1}),
     [("InvalidParameter", {"parameter": "perCpuMax"})]),
    ("the same CPU 100000 times", message("ListEvents", {"cpus": [0] * 100000}), [OK]),
    ("no kinds", message("ListEvents", {"kinds": []}), [("InvalidParameter", {"parameter": "kinds"})]),
    ("unknown kind", message("ListEvents", {"kinds": ["nosuch"]}), [("InvalidParameter", {"parameter": "kinds"})]),
    ("limit 0", message("ListEvents", {"limit": 0}), [("InvalidParameter", {"parameter": "limit"})]),
    ("limit 2^62", message("ListEvents", {"limit": 1 << 62}), [OK]),
    ("source with a path", message("GetRates", {"source": "../../etc/shadow", "sinceUsec": 1}), [("NoData", None)]),
    ("source of 900 KiB", message("GetRates", {"source": "x" * 900000, "sinceUsec": 1}), [("NoData", None)]),
]
