#!/usr/bin/env python3
"""Every file of a package against what a PC/SC reader shows of the enabled profile.

ts48.py PACKAGE.json READER: PACKAGE.json is the output of 'crisp profile show --json'. What each
file has to be is worked out here, from the elements and a table of templates; the card is asked
with opensc-tool. Ends with the number of files, or with every difference.
"""

import json
import pathlib
import re
import subprocess
import sys

PINS = {0x0A: "3535353535353535", 0x0B: "3636363636363636", 0x81: "39393939FFFFFFFF"}
ANSWER_RECORD = 255  # bytes of one READ


class File:
    """One file of the card; attributes as TS 102 221 has them."""

    def __init__(self, kind, fid, parent):
        self.kind, self.fid, self.parent = kind, fid, parent
        self.children = []
        self.size = self.record = self.records = 0
        self.sfi = None
        self.special = 0
        self.lcsi = 5
        self.shareable = True
        self.rule = None  # (EF.ARR or None = implied, record)
        self.aid = None
        self.pin_status = []
        self.pins = {}
        self.content = bytearray()
        self.maximum = None
        self.link = None
        self.at = 0
        if parent:
            parent.children.append(self)

    def is_df(self):
        return self.kind in ("MF", "DF", "ADF")

    def target(self):
        return self.link.target() if self.link else self

    def path(self):
        return [] if self.kind == "MF" else self.parent.path() + [self]

    def name(self):
        return "/".join(["MF"] + ["%04X" % f.fid for f in self.path()])

    def child(self, fid):
        return next((c for c in self.target().children if c.fid == fid), None)


class Card:
    """What the package makes."""

    def __init__(self, elements, templates):
        self.templates = templates
        self.files = []
        self.mf = self.usim = self.isim = self.csim = self.context = None
        for element in elements:
            for kind, body in element.items():
                self.element(kind, body)
        for f in self.files:
            if isinstance(f.link, str):
                f.link = self.find(f.link)
                if not f.link:
                    sys.exit(f"{f.name()}: the link leads nowhere")

    def find(self, path):
        at = self.mf
        for i in range(0, len(path), 4):
            at = at and at.child(int(path[i : i + 4], 16))
        return at

    def element(self, kind, body):
        if kind == "genericFileManagement":
            self.management(body)
        elif kind == "pinCodes":
            for pin in body["pinCodes"].get("pinconfig", []):
                self.context.pins[pin["keyReference"]] = pin.get("pinAttributes", 7) & 1
        elif "templateID" in body:
            self.template(body)

    def template(self, body):
        tail = body["templateID"].removeprefix("2.23.143.1.2.")
        base = {"1": None, "5": self.usim, "7": self.usim, "13": self.usim, "14": self.usim,
                "9": self.isim, "11": self.csim}.get(tail, self.mf)
        by_default = tail in ("1", "4", "8", "10")
        df, first = base, None
        for row in self.templates[tail]:
            items = body.get(row["name"])
            if row["type"] in ("MF", "DF", "ADF"):
                parent = base if first is None else first
            else:
                parent = df
            if items is None:
                # what the template cannot know is not made without the package
                if not (by_default and self.complete(row)):
                    continue
                items = []
            if items and "doNotCreate" in items[0]:
                continue
            made = self.instances(row, items, parent)
            if row["type"] in ("MF", "DF", "ADF"):
                df = made[0]
                first = first or df
        if first:
            self.context = first
            if tail == "1":
                self.mf = first
            elif tail == "4":
                self.usim = first
            elif tail == "8":
                self.isim = first
            elif tail == "10":
                self.csim = first

    @staticmethod
    def complete(row):
        records = row["type"] not in ("LF", "CY") or row["records"]
        return bool(row["size"] and records and row["fill"] != "-")

    def instances(self, row, items, parent):
        made = []
        if not items or "fileDescriptor" not in items[0]:
            items = [{"fileDescriptor": {}}] + items
        for item in items:
            if "fileDescriptor" in item:
                made.append(self.create(item["fileDescriptor"], parent, row, len(made)))
                current = made[-1]
            else:
                self.fill(current, item)
        return made

    def create(self, fcp, parent, row, instance):
        descriptor = bytes.fromhex(fcp.get("fileDescriptor", ""))
        kinds = {0x01: "TR", 0x02: "LF", 0x06: "CY", 0x39: "BT", 0x38: "DF"}
        kind = kinds[descriptor[0] & 0xBF] if descriptor else row["type"]
        if row and row["type"] in ("MF", "ADF"):
            kind = row["type"]
        elif kind == "DF" and "dfName" in fcp:
            kind, parent = "ADF", self.mf
        if kind == "ADF":
            parent = self.mf
        fid = int(fcp["fileID"], 16) if "fileID" in fcp else int(row["fid"], 16) + instance
        f = File(kind, fid, parent)
        self.files.append(f)
        if descriptor:
            f.shareable = bool(descriptor[0] & 0x40)
        rule = fcp.get("securityAttributesReferenced")
        if rule is None:
            f.rule = (None, int(row["arr"]))
        else:
            f.rule = (int(rule[:4], 16) if len(rule) == 6 else None, int(rule[-2:], 16))
        f.lcsi = int(fcp.get("lcsi", "05"), 16)
        f.aid = fcp.get("dfName")
        f.pin_status = list(bytes.fromhex(fcp.get("pinStatusTemplateDO", "")))
        if not f.is_df():
            self.sfi(f, fcp, row, instance)
        if fcp.get("linkPath"):
            f.link = fcp["linkPath"]
        elif not f.is_df():
            self.geometry(f, fcp, descriptor, row)
        return f

    @staticmethod
    def sfi(f, fcp, row, instance):
        stated = fcp.get("shortEFID")
        if stated is not None:
            f.sfi = int(stated, 16) >> 3 if stated else None
        elif row:
            f.sfi = int(row["sfi"], 16) if row["sfi"] != "-" and instance == 0 else None
        else:
            f.sfi = f.fid & 0x1F if 1 <= f.fid & 0x1F <= 30 else None

    @staticmethod
    def geometry(f, fcp, descriptor, row):
        size = int(fcp["efFileSize"], 16) if "efFileSize" in fcp else None
        if f.kind in ("LF", "CY"):
            f.record = int.from_bytes(descriptor[2:4], "big") if len(descriptor) > 2 else row["size"]
            f.size = size if size is not None else row["records"] * f.record
            f.records = f.size // f.record
        else:
            f.size = size if size is not None else row["size"] or 0
        info = fcp.get("proprietaryEFInfo")
        fill = row["fill"] if row else "-"
        if info is None:
            f.special = 0x80 if row and row["high"] else 0
        else:
            f.special = int(info.get("specialFileInformation", "00"), 16)
            f.maximum = info.get("maximumFileSize")
            if "fillPattern" in info:
                fill = "P" + info["fillPattern"]
            elif "repeatPattern" in info:
                fill = "R" + info["repeatPattern"]
        if f.kind == "BT":
            return
        unit = f.record or f.size
        pattern = b"" if fill == "-" else bytes.fromhex(fill[1:])
        one = bytearray(b"\xff" * unit)
        for i in range(unit if pattern else 0):
            if i < len(pattern) or fill[0] in "PR":
                one[i] = pattern[i % len(pattern) if fill[0] == "R" else min(i, len(pattern) - 1)]
        f.content = one * (f.size // unit if unit else 0)

    @staticmethod
    def fill(f, item):
        if "fillFileOffset" in item:
            f.at += item["fillFileOffset"]
            return
        data = bytes.fromhex(item["fillFileContent"])
        if f.kind == "BT":
            f.content += data
            return
        if not f.size:  # neither template nor package say it: as long as the content
            f.content.extend(b"\xff" * len(data))
            f.size = len(f.content)
        f.content[f.at : f.at + len(data)] = data
        f.at += len(data)
        if len(f.content) != f.size:
            sys.exit(f"{f.name()}: {len(f.content)} bytes of content")

    def management(self, body):
        df, ef, first, created = self.mf, None, None, False
        for command in body["fileManagementCMD"]:
            for item in command:
                if "filePath" in item:
                    f = self.find(item["filePath"])
                    df, ef = (f, None) if f.is_df() else (f.parent, f)
                    if ef:
                        ef.at = 0
                elif "createFCP" in item:
                    f = self.create(item["createFCP"], df, None, 0)
                    if f.is_df():
                        df, ef, first = f, None, first or f
                    else:
                        ef, created = f, True
                else:
                    self.fill(ef, item)
        if first or not created:
            self.context = first or df


# ---- what the card has to answer


def tlvs(data):
    """Children of a template: list of (tag, value)."""
    out, i = [], 0
    while i < len(data):
        if data[i] in (0x00, 0xFF):
            break
        tag = data[i]
        i += 1
        if tag & 0x1F == 0x1F:
            while True:
                tag = tag << 8 | data[i]
                i += 1
                if not tag & 0x80:
                    break
        length = data[i]
        i += 1
        if length & 0x80:
            n = length & 0x7F
            length = int.from_bytes(data[i : i + n], "big")
            i += n
        out.append((tag, bytes(data[i : i + length])))
        i += length
    return out


def context_of(f, key):
    """The DF whose PIN a key reference means, seen from a file."""
    at = f if f.is_df() else f.parent
    if not key & 0x80:
        while at.parent:
            at = at.parent
        return at if key in at.pins else None
    while at and key not in at.pins:
        at = at.parent
    return at


def rule_of(f):
    fid, record = f.rule
    at = f if f.kind in ("MF",) else f.parent
    if fid is None:
        high = f.kind in ("MF", "ADF") or f.parent.kind == "MF"
        fid = 0x2F06 if high else 0x6F06
    f.arr = (fid, record)
    while at:
        arr = at.child(fid)
        if arr:
            arr = arr.target()
            return bytes(arr.content[(record - 1) * arr.record : record * arr.record])
        at = at.parent
    return b""


def met(f, tag, value):
    if tag == 0x90:
        return True
    if tag == 0xA4:
        key = next(v[0] for t, v in tlvs(value) if t == 0x83)
        return context_of(f, key) is not None  # all keys are verified
    if tag == 0xA0:
        return any(met(f, t, v) for t, v in tlvs(value))
    if tag == 0xAF:
        return all(met(f, t, v) for t, v in tlvs(value))
    return False


def may_read(f):
    covers = modes = allowed = False
    for tag, value in tlvs(rule_of(f)):
        if 0x80 <= tag <= 0x8F:
            now = tag == 0x80 and bool(value[0] & 1)
            covers = now or (modes and covers)
            modes = True
        else:
            modes = False
            allowed = allowed or (covers and met(f, tag, value))
    return allowed


def number(value):
    return "%0*X" % (4 if value < 0x10000 else 6, value)


def expected_fcp(f):
    """tag -> hex of every object that is compared."""
    t = f.target()
    codes = {"MF": 0x38, "DF": 0x38, "ADF": 0x38, "TR": 0x01, "LF": 0x02, "CY": 0x06, "BT": 0x39}
    descriptor = "%02X21" % (codes[t.kind] | (0x40 if t.shareable else 0))
    if t.records:
        descriptor += "%04X%02X" % (t.record, t.records)
    rule_of(f)
    want = {0x82: descriptor, 0x83: "%04X" % f.fid, 0x8A: "%02X" % f.lcsi,
            0x8B: "%04X%02X" % f.arr}
    if f.is_df():
        want[0x84] = f.aid
        bits = 0
        for i, key in enumerate(t.pin_status):
            holder = context_of(f, key)
            bits |= (holder.pins[key] if holder else 0) << (7 - i)
        want[0xC6] = "9001%02X" % bits + "".join("8301%02X" % k for k in t.pin_status)
    else:
        want[0x80] = number(t.size)
        want[0x88] = "" if f.sfi is None else "%02X" % (f.sfi << 3)
    return want


def dumped(lines):
    """Bytes of opensc-tool's dump: up to 16 as "XX ", then as many characters. Lines behind the
    first are padded to 48 columns of hex."""
    out = b""
    for i, line in enumerate(lines):
        n = len(line) // 4 if i == 0 else max(0, len(line) - 48)
        out += bytes.fromhex(line[: 3 * n])
    return out


class Plan:
    """APDUs and what comes back, to be sent in one session with the card."""

    def __init__(self):
        self.steps = []

    def add(self, apdu, sw="9000", data=None, check=None, name=""):
        self.steps.append((apdu, sw, data, check, name))

    def select(self, f):
        way = f.path()
        fids = "".join("%04X" % d.fid for d in way)
        if way and way[0].kind == "ADF":
            if f.kind == "ADF":
                self.add("00A40404%02X%s00" % (len(f.aid) // 2, f.aid), check=f)
                return
            fids = "7FFF" + fids[4:]
        if not way:
            self.add("00A40004023F0000", check=f)
        else:
            self.add("00A40804%02X%s00" % (len(fids) // 2, fids), check=f)

    def read(self, f):
        t = f.target()
        denied = not may_read(f)
        if t.kind == "BT":
            self.read_objects(f, t, denied)
        elif t.kind == "TR":
            for at in range(0, t.size, ANSWER_RECORD):
                part = bytes(t.content[at : at + ANSWER_RECORD])
                self.answer(f, "00B0%04X%02X" % (at, len(part)), part, denied)
        else:
            for n in range(t.records):
                part = bytes(t.content[n * t.record : (n + 1) * t.record])
                self.answer(f, "00B2%02X04%02X" % (n + 1, t.record), part, denied)

    def read_objects(self, f, t, denied):
        objects = {}
        for tag, value in tlvs(t.content):
            objects[tag] = value
        tags = "".join("%02X" % tag for tag in objects)
        listed = bytes.fromhex("5C%02X" % (len(tags) // 2) + tags)
        self.answer(f, "80CB0080015C00", listed, denied)
        for tag, value in objects.items():
            whole = "%02X" % tag
            size = len(value)
            whole += "%02X" % size if size < 128 else "81%02X" % size if size < 256 else "82%04X" % size
            name = "%02X" % tag
            self.answer(f, "80CB0080%02X%s00" % (len(name) // 2, name),
                        bytes.fromhex(whole) + value, denied)

    def answer(self, f, apdu, data, denied):
        if denied:
            self.add(apdu, sw="6982", name=f.name())
        else:
            self.add(apdu, data=data, name=f.name())

    def verify(self, key):
        self.add("002000%02X08%s" % (key, PINS[key]), name="VERIFY %02X" % key)

    def run(self, reader):
        answers = []
        for i in range(0, len(self.steps), 4000):
            command = ["opensc-tool", "-r", reader, "-c", "default"]
            for apdu, *_ in self.steps[i : i + 4000]:
                command += ["-s", apdu]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"opensc-tool: {done.stderr}")
            for part in done.stdout.split("Sending:")[1:]:
                found = re.search(r"SW1=0x([0-9A-F]{2}), SW2=0x([0-9A-F]{2})\)(.*)", part, re.S)
                answers.append((found[1] + found[2], dumped(found[3].split("\n")[1:])))
        return answers


def compare_fcp(f, data, report):
    objects = tlvs(data)
    if len(objects) != 1 or objects[0][0] != 0x62:
        report(f.name(), f"no FCP: {data.hex()}")
        return
    got = dict(tlvs(objects[0][1]))
    for tag, want in expected_fcp(f).items():
        have = got.get(tag)
        have = None if have is None else have.hex().upper()
        if have != want:
            report(f.name(), f"{tag:02X} of the FCP is {have} instead of {want}")
    info = dict(tlvs(got.get(0xA5, b"")))
    t = f.target()
    if not f.is_df():
        special = info.get(0xC0, b"\0")[0]
        if special != t.special:
            report(f.name(), f"special file information {special:02X} instead of {t.special:02X}")
        if t.maximum and int.from_bytes(info.get(0x86, b""), "big") != int(t.maximum, 16):
            report(f.name(), f"maximum size {info.get(0x86)} instead of {t.maximum}")


# TS 34.108 8.1.2 with the key of the profile; the ISIM gives no Kc.
CHALLENGE = "008800812210" "23553CBE9637A89D218AE64DAE47BF35" "10" "BD9232AE9A09800023543EBD92122E9A" "00"
WRONG_MAC = CHALLENGE[:-4] + "9B00"
RESULT = ("DB10" "23543EBD9232AE9A2983EC46A24AB13A" "10" "543EBD9232AE9A2983EC46A24AB13A23"
          "10" "3EBD9232AE9A2983EC46A24AB13A2354")
KC = "080529CB4867BFAADD"
# SRES is RES folded (TS 33.102 c2).
GSM_CHALLENGE = "008800801110" "23553CBE9637A89D218AE64DAE47BF35" "00"
GSM_RESULT = "043AAFCD5B" + KC


def main():
    elements = json.loads(pathlib.Path(sys.argv[1]).read_text())["elements"]
    templates = {}
    table = pathlib.Path(__file__).with_name("ts48_templates.txt")
    for line in table.read_text().splitlines():
        if line.startswith("#"):
            continue
        arc, _, name, kind, fid, records, size, arr, sfi, fill, *high = line.split()
        templates.setdefault(arc, []).append(
            {"name": name, "type": kind, "fid": fid, "fill": fill, "sfi": sfi, "arr": arr,
             "records": int(records) if records != "-" else None,
             "size": int(size) if size != "-" else None, "high": high == ["H"]})
    card = Card(elements, templates)
    plan = Plan()
    order = [card.mf] + [f for f in card.mf.children if f.is_df()]
    seen = []

    def walk(df):
        plan.select(df)
        seen.append(df)
        for f in sorted(df.children, key=File.is_df):
            if f.is_df() and df is card.mf:
                continue  # in a round of their own, with their PINs
            if f.is_df():
                if not f.link:
                    walk(f)
                else:
                    plan.select(f)
                    seen.append(f)
                continue
            plan.select(f)
            plan.read(f)
            seen.append(f)

    plan.verify(0x0A)
    plan.verify(0x0B)
    for df in order:
        if 0x81 in df.pins:
            plan.select(df)
            plan.verify(0x81)
        walk(df)
    for naa, rest in ((card.usim, KC), (card.isim, "")):
        plan.select(naa)
        plan.add(WRONG_MAC, sw="9862", name="AUTHENTICATE")
        plan.add(CHALLENGE, data=bytes.fromhex(RESULT + rest), name="AUTHENTICATE")
        if rest:
            plan.add(GSM_CHALLENGE, data=bytes.fromhex(GSM_RESULT), name="AUTHENTICATE (GSM)")
        else:
            plan.add(GSM_CHALLENGE, sw="9864", name="AUTHENTICATE (GSM)")
    if len(seen) != len(card.files) or {id(f) for f in seen} != {id(f) for f in card.files}:
        sys.exit(f"{len(seen)} of {len(card.files)} files were looked at")

    wrong = []
    answers = plan.run(sys.argv[2])
    if len(answers) != len(plan.steps):
        sys.exit(f"{len(answers)} answers to {len(plan.steps)} commands")
    for (apdu, sw, data, check, name), (got_sw, got) in zip(plan.steps, answers):
        def report(what, why, apdu=apdu):
            wrong.append(f"{what}: {apdu}: {why}")

        if got_sw != sw:
            report(check.name() if check else name, f"{got_sw} instead of {sw}")
        elif check:
            compare_fcp(check, got, report)
        elif data is not None and got != data:
            report(name, f"{got.hex().upper()} instead of {data.hex().upper()}")
    print("\n".join(wrong))
    denied = sum(1 for step in plan.steps if step[1] == "6982")
    print(f"{len(card.files)} files, {len(plan.steps)} commands, {denied} of them refused by rule,"
          f" {len(wrong)} differences")
    sys.exit(bool(wrong))


main()
