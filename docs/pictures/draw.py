#!/usr/bin/env python3
"""Draws the pictures of docs/explanation.md and docs/explanation.vi.md into this folder; needs nothing but Python."""

import math
import pathlib
from html import escape

STYLE = """<style>
  svg { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 14px; }
  .ink { fill: #1f2328; } .soft { fill: #59636e; } .line { stroke: #818b98; fill: none; }
  .frozen { fill: #dde3ea; stroke: #818b98; } .read { fill: #d1d9e0; stroke: #818b98; }
  .learned { fill: #1a7f37; stroke: #116329; } .two { fill: #0969da; stroke: #0550ae; }
  .three { fill: #d4a72c; stroke: #9a6700; }
  .on { fill: #ffffff; } .b { font-weight: 600; } .mono { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
  @media (prefers-color-scheme: dark) {
    .ink { fill: #f0f6fc; } .soft { fill: #9198a1; } .line { stroke: #656c76; }
    .frozen { fill: #2a313c; stroke: #656c76; } .read { fill: #30363d; stroke: #656c76; }
    .learned { fill: #238636; stroke: #3fb950; } .two { fill: #1f6feb; stroke: #58a6ff; }
    .three { fill: #9e6a03; stroke: #d29922; }
  }
</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 L8 4 L0 8 z" class="soft"/></marker></defs>"""

NF4 = [-1.0, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0.0, 0.0795803, 0.1609302,
       0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1.0]

VIETNAMESE = {
    "LoRA: a frozen matrix, and beside it two thin ones whose product is added":
        "LoRA: một ma trận đóng băng, bên cạnh là hai ma trận mỏng có tích được cộng vào",
    "4096 × 4096 = 16,777,216 numbers": "4096 × 4096 = 16.777.216 số",
    "4 bits each, never changed": "mỗi số 4 bit, không bao giờ đổi",
    "r = 64: 524,288 numbers, learned; B begins at zero": "r = 64: 524.288 số được học; B ban đầu bằng không",
    "NF4: sixteen values, dense near zero, where most weights are":
        "NF4: mười sáu giá trị, dày ở gần số không, nơi có nhiều trọng số nhất",
    "weights of a block of 64, divided by the largest of them": "64 trọng số của một khối, chia cho số lớn nhất",
    "a code of 4 bits names the nearest of 16 values; the block keeps its scale":
        "mã 4 bit chỉ giá trị gần nhất trong 16 giá trị; mỗi khối giữ hệ số riêng",
    "Masking: the question is read, the answer and the end token are learned":
        "Che nhãn: câu hỏi chỉ được đọc, câu trả lời và token kết thúc được học",
    "tokens": "token",
    "label −100 is no target: loss and gradient come from the green tokens alone;":
        "nhãn −100 không phải mục tiêu: loss và gradient chỉ đến từ các token màu xanh;",
    "the others are read, as they will be when the model is asked.":
        "các token khác chỉ được đọc, giống như khi mô hình được hỏi.",
    "Packing: rows laid end to end; attention stays inside each row":
        "Nối dòng: các dòng đặt nối tiếp nhau; attention chỉ nằm trong từng dòng",
    "padded: as wide as the longest row": "có đệm: rộng bằng dòng dài nhất",
    "here: no padding, positions begin anew with each row": "ở đây: không đệm, vị trí đếm lại từ đầu ở mỗi dòng",
    "right: who sees whom, a triangle for each row": "bên phải: token nào thấy token nào,",
    "and nothing between rows": "mỗi dòng một tam giác, giữa các dòng không có gì",
    "queries": "query", "keys": "key",
    "Resume: a run that was ended goes on with the same steps": "Chạy tiếp: lần chạy bị ngắt đi tiếp đúng những bước ấy",
    "never ended": "không ngắt", "ended after 7": "ngắt sau bước 7", "gone on": "chạy tiếp",
    "checkpoint 7": "checkpoint 7",
    "same rows, same dropout, same adapter": "cùng các dòng, cùng dropout, cùng adapter",
    "Merge: the weight in full precision plus the product of the factors becomes one matrix":
        "Gộp: trọng số đủ độ chính xác cộng tích hai thừa số thành một ma trận",
    "bf16, not 4 bits": "bf16 đầy đủ",
    "an ordinary model": "mô hình thông thường",
    "logits compared with those of base and adapter": "logit được so với mô hình nền cộng adapter",
}


class Picture:
    """Shapes and words of one picture."""

    def __init__(self, width, height, title, words):
        self.size, self.words, self.parts = (width, height), words, []
        self.title = words.get(title, title)

    def box(self, x, y, width, height, kind, more=""):
        self.parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" class="{kind}" {more}/>')

    def say(self, x, y, text, kind="ink", anchor="middle"):
        text = escape(self.words.get(text, text))
        self.parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{text}</text>')

    def draw(self, path, kind="line", arrow=True):
        end = ' marker-end="url(#a)"' if arrow and kind == "line" else ""
        self.parts.append(f'<path d="{path}" class="{kind}"{end}/>')

    def save(self, name):
        width, height = self.size
        title = escape(self.title)
        text = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
                f'height="{height}" role="img" aria-label="{title}">\n<title>{title}</title>\n{STYLE}\n'
                + "\n".join(self.parts) + "\n</svg>\n")
        pathlib.Path(__file__).with_name(name).write_text(text, encoding="utf-8")


def lora(words, ending):
    p = Picture(720, 330, "LoRA: a frozen matrix, and beside it two thin ones whose product is added", words)
    p.say(40, 105, "x", "ink b")
    p.draw("M55 100 L138 100")
    p.box(145, 20, 330, 160, "frozen")
    p.say(310, 90, "W", "ink b")
    p.say(310, 114, "4096 × 4096 = 16,777,216 numbers", "soft")
    p.say(310, 136, "4 bits each, never changed", "soft")
    p.draw("M475 100 L560 100")
    p.draw("M90 100 L90 265 L138 265")
    for x, name, shape in ((145, "A", "r × 4096"), (285, "B", "4096 × r")):
        p.box(x, 225, 84, 80, "learned")
        p.say(x + 42, 260, name, "on b")
        p.say(x + 42, 281, shape, "on")
    p.draw("M229 265 L278 265")
    p.say(253, 255, "r", "soft")
    p.draw("M369 265 L412 265")
    p.box(420, 245, 70, 40, "read")
    p.say(455, 270, "× α / r")
    p.draw("M490 265 L580 265 L580 122")
    p.parts.append('<circle cx="580" cy="100" r="18" class="read"/>')
    p.say(580, 105, "+", "ink b")
    p.draw("M598 100 L660 100")
    p.say(678, 105, "y", "ink b")
    p.say(310, 208, "r = 64: 524,288 numbers, learned; B begins at zero", "soft")
    p.save(f"lora{ending}")


def nf4(words, ending):
    p = Picture(720, 300, "NF4: sixteen values, dense near zero, where most weights are", words)

    def place(value):
        return 360 + value * 320, 210 - 150 * math.exp(-(value * 2.6) ** 2 / 2)

    p.draw("M" + " L".join("{:.1f} {:.1f}".format(*place(i / 100)) for i in range(-105, 106)), arrow=False)
    p.draw("M20 210 L700 210", arrow=False)
    for code, value in enumerate(NF4):
        x, y = place(value)
        p.box(x - 1.5, y, 3, 210 - y, "learned")
        p.say(x, 229, f"{code:X}", "soft mono")
    for value in (-1, -0.5, 0, 0.5, 1):
        p.say(place(value)[0], 252, f"{value:g}")
    p.say(360, 28, "weights of a block of 64, divided by the largest of them", "soft")
    p.say(360, 285, "a code of 4 bits names the nearest of 16 values; the block keeps its scale", "soft")
    p.save(f"nf4{ending}")


def masking(words, ending):
    p = Picture(760, 190, "Masking: the question is read, the answer and the end token are learned", words)
    row = "<s> ### Human: What is zinc? ### Assistant: a metal </s>".split()
    p.say(20, 36, "tokens", "soft", "start")
    x = 20
    for at, token in enumerate(row):
        learned = at >= len(row) - 3
        width = 18 + 9 * len(token)
        p.box(x, 50, width, 34, "learned" if learned else "read")
        p.say(x + width / 2, 72, token, "on mono" if learned else "ink mono")
        p.say(x + width / 2, 112, "✓" if learned else "−100", "ink mono" if learned else "soft mono")
        x += width + 5
    p.say(20, 150, "label −100 is no target: loss and gradient come from the green tokens alone;", "soft", "start")
    p.say(20, 172, "the others are read, as they will be when the model is asked.", "soft", "start")
    p.save(f"masking{ending}")


def packing(words, ending):
    p = Picture(720, 290, "Packing: rows laid end to end; attention stays inside each row", words)
    rows = [(110, "learned"), (240, "two"), (70, "three"), (160, "learned")]
    total = sum(length for length, _ in rows)
    p.say(20, 26, "padded: as wide as the longest row", "soft", "start")
    for at, (length, kind) in enumerate(rows):
        p.box(20, 38 + at * 24, 240, 18, "frozen", 'stroke-dasharray="3 3"')
        p.box(20, 38 + at * 24, length, 18, kind)
    p.say(20, 170, "here: no padding, positions begin anew with each row", "soft", "start")
    x = 20
    for length, kind in rows:
        p.box(x, 182, length * 0.66, 18, kind)
        x += length * 0.66
    p.say(20, 238, "right: who sees whom, a triangle for each row", "soft", "start")
    p.say(20, 258, "and nothing between rows", "soft", "start")
    p.box(480, 20, 220, 220, "frozen")
    at = 0
    for length, kind in rows:
        low, high = at * 220 / total, (at + length) * 220 / total
        p.draw(f"M{480 + low:.1f} {20 + low:.1f} L{480 + low:.1f} {20 + high:.1f} L{480 + high:.1f} {20 + high:.1f} z", kind)
        at += length
    p.say(590, 262, "keys", "soft")
    p.say(450, 134, "queries", "soft")
    p.save(f"packing{ending}")


def resume(words, ending):
    p = Picture(720, 240, "Resume: a run that was ended goes on with the same steps", words)
    for y, first, last, kind, name in (
            (30, 1, 12, "two", "never ended"), (100, 1, 7, "two", "ended after 7"), (190, 8, 12, "learned", "gone on")):
        p.say(20, y + 19, name, "ink", "start")
        for step in range(first, last + 1):
            p.box(90 + step * 46, y, 38, 28, kind)
            p.say(109 + step * 46, y + 19, str(step), "on")
    p.box(330, 142, 130, 30, "read")
    p.say(395, 162, "checkpoint 7")
    p.draw("M431 128 L431 142", arrow=False)
    p.draw("M431 172 L431 204 L452 204")
    p.say(690, 80, "same rows, same dropout, same adapter", "soft", "end")
    p.save(f"resume{ending}")


def merge(words, ending):
    p = Picture(
        720, 250, "Merge: the weight in full precision plus the product of the factors becomes one matrix", words)
    p.box(20, 50, 140, 120, "frozen")
    p.say(90, 108, "W", "ink b")
    p.say(90, 130, "bf16, not 4 bits", "soft")
    p.say(182, 116, "+", "ink b")
    p.say(218, 116, "α/r ×")
    p.box(250, 50, 36, 120, "learned")
    p.say(268, 115, "B", "on b")
    p.say(302, 116, "×", "ink b")
    p.box(318, 92, 130, 36, "learned")
    p.say(383, 115, "A", "on b")
    p.draw("M462 110 L512 110")
    p.box(520, 50, 170, 120, "two")
    p.say(605, 106, "W + ΔW", "on b")
    p.say(605, 129, "an ordinary model", "on")
    p.draw("M605 170 L605 212 L420 212")
    p.say(410, 217, "logits compared with those of base and adapter", "soft", "end")
    p.save(f"merge{ending}")


for language, ending in (({}, ".svg"), (VIETNAMESE, ".vi.svg")):
    for draw in (lora, nf4, masking, packing, resume, merge):
        draw(language, ending)
