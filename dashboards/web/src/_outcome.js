// An outcome in words, in the page's language. Nothing here is green before the check has run, and nothing says more than was checked.

const WORDS = {
  zh: {
    holds: "核对通过", broken: "核对不通过：记录与证据不符", cannot: "此设备无法核对", weak: "签名相符，但还没有入日志",
    line: "%s：%s。", grade: "等级", unsigned: "未签名", signed: "已签名", logged: "已入日志", witnessed: "已见证", anchored: "已锚定",
    meaning: {
      unsigned: "有的记录没有作者签名。", signed: "作者签了名；还没有进入日志的检查点，看不出是否缺了记录。",
      logged: "全部记录在日志的检查点之下，一条不少；但除了日志自己，还没有足够的见证者签过这个检查点。",
      witnessed: "全部记录一条不少，独立的见证者也签过这个检查点。", anchored: "全部记录一条不少，并且接得上锚在链上的那一版日志；链本身没有问。",
    },
    steps: ["文件形式", "检查点签名", "见证者签名", "记录哈希", "作者签名", "密钥登记", "链", "映射（完整）", "在日志里", "接得上锚", "公开的值"],
    states: { ok: "通过", bad: "不符", none: "未核对或没有" },
    where: "在第 %s 步不符：", record: "第 %s 号记录", shown: "页面显示的与证据不同：",
    things: { lot: "批次", "list of events": "事件列表", event: "事件内容", "time of an event": "事件时间", product: "品种", "day of picking": "采收日期" },
    log: "日志密钥 %s，来自%s。", witnesses: "见证者：需要 %s 位，%s 位已签（%s），名单来自%s。", nowitness: "没有固定的见证者，见证不计入等级。",
    from: { server: "这台服务器（它自己说的；要独立核对，请用从别处得到的核对文件）", pinned: "这个文件里固定的", file: "被核对的文件自己（只信它自己的话）" },
    checkpoint: "检查点：%s 条记录，%s。", pending: "另有 %s 条更新的记录还没有检查点，只核对了签名和链。", erased: "%s 处个人信息已抹去或未公开。",
    dev: "锚在开发链上，不是独立的锚，不计入等级。", cut: "上游批次太多，只带了一部分。", took: "用时 %s 秒（%s）。", by: { browser: "浏览器自带算法", library: "随页面的算法库" },
    older: "这页做好之后又有了新的记录：请刷新本页再核对。",
    all: "逐步结果", each: "逐条记录", fetch: "没有取到证据文件；请检查网络后再试。", dead: "这个浏览器没有需要的算法，换一个较新的浏览器再试。", newer: "证据里有这个程序还不认识的内容；请用更新的核对程序。",
    what: "原因",
    not: "核对证明记录写下之后没有被改动或缺少，不证明写下的内容本身是真的。", yes: "有证据", waits: "等检查点",
  },
  en: {
    holds: "The check holds", broken: "The check fails: the records do not fit their proofs", cannot: "This device cannot check", weak: "The signatures fit; not in the log yet",
    line: "%s: %s. ", grade: "Grade", unsigned: "unsigned", signed: "signed", logged: "logged", witnessed: "witnessed", anchored: "anchored",
    meaning: {
      unsigned: "Some records carry no author's signature.", signed: "Authors signed; no checkpoint of the log covers it yet, so nothing shows whether a record is missing.",
      logged: "All records are under a checkpoint of the log and none is missing; but besides the log itself not enough witnesses signed this checkpoint.",
      witnessed: "No record is missing, and independent witnesses signed this checkpoint.", anchored: "No record is missing, and the log continues the one anchored on a chain; the chain itself was not asked.",
    },
    steps: ["form of the file", "checkpoint signature", "cosignatures", "record hashes", "author signatures", "key register", "chains", "map (completeness)", "in the log", "continues the anchor", "disclosed values"],
    states: { ok: "holds", bad: "does not hold", none: "not checked, or nothing there" },
    where: "Does not hold at step %s: ", record: "record %s", shown: "The page shows something else than is proved: ",
    things: { lot: "lot", "list of events": "list of events", event: "content of an event", "time of an event": "time of an event", product: "product", "day of picking": "day of picking" },
    log: "Log key %s, from %s.", witnesses: "Witnesses: %s needed, %s signed (%s); the list is from %s.", nowitness: "No witness is pinned, so witnessing does not count towards the grade.",
    from: { server: "this server (its own word; for an independent check use a checking file you got elsewhere)", pinned: "the keys pinned in this file", file: "the checked file itself (its own word and nobody else's)" },
    checkpoint: "Checkpoint: %s records, %s.", pending: "%s newer records have no checkpoint yet; only their signatures and chain were checked.", erased: "%s personal fields are erased or not shown.",
    dev: "The anchor is on a development chain, which is no independent anchor and does not count.", cut: "There are more lots upstream than the file holds.", took: "It took %s s (%s).", by: { browser: "the browser's own algorithms", library: "the page's library" },
    older: "Something was recorded since this page was made: load it again, then check.",
    all: "Step by step", each: "Record by record", fetch: "The proof could not be fetched; look at the network and try again.", dead: "This browser lacks the algorithms; try a newer one.", newer: "The proof holds something this program does not know yet; use a newer one.",
    what: "reason",
    not: "The check shows that records were not changed or dropped after they were written, not that what was written is true.", yes: "proved", waits: "waits for a checkpoint",
  },
};

const fill = (sentence, ...values) => sentence.replace(/%s/g, () => values.shift());

function element(name, content, className) {
  const made = document.createElement(name);
  if (content !== undefined) made.textContent = content;
  if (className) made.className = className;
  return made;
}

// `from`: where pinned keys came from, "server" or "pinned".
export function outcomeView(o, lang, from) {
  const w = WORDS[/^zh/.test(lang || "zh") ? "zh" : "en"];
  const box = element("div", undefined, "check-result " + o.verdict);
  const weak = o.verdict === "holds" && (o.grade === "signed" || o.grade === "unsigned");
  const sign = { holds: weak ? "△ " : "✓ ", broken: "✕ ", cannot: "？ " }[o.verdict];
  box.appendChild(element("p", undefined, "check-verdict")).appendChild(element("b", sign + (weak && o.grade === "signed" ? w.weak : w[o.verdict])));
  if (weak) box.className += " weak";
  const say = (line, className) => box.appendChild(element("p", line, className || "note"));
  if (o.verdict === "cannot") say(o.older ? w.older : o.fetched === false ? w.fetch : o.device ? w.dead : w.newer);
  if (o.shown) say(w.shown + w.things[o.shown], "warn");
  else if (o.verdict === "broken") {
    say(fill(w.where, o.step + " (" + w.steps[o.step - 1] + ")") + (o.record === null ? "" : fill(w.record, o.record)), "warn");
    const why = say(w.what + ": ");
    why.appendChild(element("span", o.what)).lang = "en";
  }
  if (o.verdict === "holds") {
    say(fill(w.line, w.grade, w[o.grade]) + w.meaning[o.grade], "check-grade");
    if (o.pending) say(fill(w.pending, o.pending));
    if (o.cut) say(w.cut);
    const erased = o.secrets.filter((s) => s.value === null).length;
    if (erased) say(fill(w.erased, erased));
    if (o.anchor && o.anchor.development) say(w.dev);
  }
  if (o.size) say(fill(w.checkpoint, o.size, new Date(o.time).toLocaleString(lang === "en" ? "en-GB" : "zh-CN", { timeZone: "Asia/Shanghai" }) + " (+08:00)"));
  if (o.log) {
    const origin = (told) => w.from[told === "pinned" ? from : "file"];
    say(fill(w.log, o.log.split("+").slice(0, 2).join("+"), origin(o.logFrom)));
    if (o.witnessesFrom === "pinned") say(fill(w.witnesses, o.needed, o.witnesses.length, o.witnesses.join(", ") || "-", origin("pinned")));
    else if (o.witnessesFrom) say(w.nowitness);
  }
  if (o.verdict !== "cannot") {
    const more = box.appendChild(element("details"));
    more.appendChild(element("summary", w.all));
    const list = more.appendChild(element("ol"));
    w.steps.forEach((name, k) => list.appendChild(element("li", name + ": " + w.states[o.states[k + 1]], "step-" + o.states[k + 1])));
    if (o.records.length && o.verdict === "holds") {
      const each = box.appendChild(element("details"));
      each.appendChild(element("summary", w.each));
      const records = each.appendChild(element("ul"));
      for (const r of o.records.filter((one) => one.own)) {
        records.appendChild(element("li", r.index + " · " + r.kind + " · " + r.time + " · " + w[r.grade]));
      }
    }
  }
  if (o.verdict === "holds") say(w.not);
  if (o.ms) say(fill(w.took, (o.ms / 1000).toFixed(o.ms < 100 ? 3 : 2), w.by[o.by] || "-"));
  return box;
}

// The mark beside one event.
outcomeView.mark = function (record, lang) {
  const w = WORDS[/^zh/.test(lang || "zh") ? "zh" : "en"];
  return element("span", (record.proved ? "✓ " + w.yes : "… " + w.waits) + " · " + w[record.grade], "check-mark " + record.grade);
};
