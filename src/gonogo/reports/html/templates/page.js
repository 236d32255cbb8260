(function () {
  "use strict";
  var form = document.getElementById("filters");
  if (!form) return;
  var cases = Array.prototype.slice.call(document.querySelectorAll(".case"));
  var facts = cases.map(function (one) {
    var byClass = {};
    (one.dataset.k || "").split(" ").forEach(function (pair) {
      var at = pair.indexOf(":");
      if (at > 0) byClass[pair.slice(0, at)] = pair.slice(at + 1);
    });
    return { element: one, outcome: one.dataset.o, byClass: byClass, intent: one.dataset.i || "", tier: one.dataset.t || "", text: null, shown: true };
  });
  var parents = Array.prototype.slice.call(document.querySelectorAll("#cases .group, #cases .section")).reverse();
  var status = document.getElementById("shown");
  var boxes = Array.prototype.slice.call(form.querySelectorAll("input[type=checkbox]"));
  var fields = { c: form.elements.cls, i: form.elements.intent, t: form.elements.tier, q: form.elements.q };

  function wanted() {
    return { o: boxes.filter(function (b) { return b.checked; }).map(function (b) { return b.value; }),
      c: fields.c.value, i: fields.i ? fields.i.value : "", t: fields.t ? fields.t.value : "",
      q: fields.q.value.trim().toLowerCase() };
  }
  function textOf(fact) {
    if (fact.text === null) fact.text = fact.element.textContent.toLowerCase();
    return fact.text;
  }
  function matches(fact, want, words) {
    var outcome = want.c ? fact.byClass[want.c] : fact.outcome;
    if (outcome === undefined) return false;
    if (want.o.length && want.o.indexOf(outcome) < 0) return false;
    if (want.i && fact.intent !== want.i) return false;
    if (want.t && fact.tier !== want.t) return false;
    for (var n = 0; n < words.length; n++) if (textOf(fact).indexOf(words[n]) < 0) return false;
    return true;
  }
  function apply() {
    var want = wanted(), words = want.q ? want.q.split(/\s+/) : [], count = 0;
    var narrowed = want.o.length || want.c || want.i || want.t || want.q;
    facts.forEach(function (fact) {
      var show = matches(fact, want, words);
      if (show !== fact.shown) { fact.element.hidden = !show; fact.shown = show; }
      if (show) count += 1;
    });
    parents.forEach(function (parent) {
      var some = parent.querySelector(".case:not([hidden])") !== null;
      parent.hidden = !some;
      if (narrowed && some && parent.tagName === "DETAILS") parent.open = true;
    });
    status.textContent = count + " of " + facts.length + " cases shown";
    var parts = [];
    if (want.o.length) parts.push("o=" + want.o.map(encodeURIComponent).join(","));
    ["c", "i", "t", "q"].forEach(function (key) { if (want[key]) parts.push(key + "=" + encodeURIComponent(want[key])); });
    var hash = parts.join("&");
    if (hash !== location.hash.slice(1) && (hash || location.hash.indexOf("=") > 0)) {
      try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch (error) { location.hash = hash; }
    }
  }
  function restore() {
    var hash = location.hash.slice(1), state = {};
    if (hash && hash.indexOf("=") < 0) { reveal(hash); return; }
    hash.split("&").forEach(function (part) {
      var at = part.indexOf("=");
      try { if (at > 0) state[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1)); } catch (error) { return; }
    });
    var outcomes = (state.o || "").split(",");
    boxes.forEach(function (box) { box.checked = outcomes.indexOf(box.value) >= 0; });
    ["c", "i", "t", "q"].forEach(function (key) {
      var field = fields[key], value = state[key] || "";
      if (!field) return;
      if (field.tagName === "SELECT" && !Array.prototype.some.call(field.options, function (one) { return one.value === value; })) value = "";
      field.value = value;
    });
    apply();
  }
  function reveal(id) {
    var target = document.getElementById(decodeURIComponent(id));
    for (var one = target; one; one = one.parentElement) { if (one.tagName === "DETAILS") one.open = true; one.hidden = false; }
    if (target) target.scrollIntoView();
  }
  function openAll(open) {
    facts.forEach(function (fact) { if (fact.shown || !open) fact.element.open = open; });
  }
  var timer = 0;
  form.addEventListener("input", function () { clearTimeout(timer); timer = setTimeout(apply, 120); });
  form.addEventListener("submit", function (event) { event.preventDefault(); clearTimeout(timer); apply(); });
  form.addEventListener("click", function (event) {
    var action = event.target.dataset ? event.target.dataset.do : "";
    if (action === "reset") { form.reset(); apply(); fields.q.focus(); }
    if (action === "open") openAll(true);
    if (action === "close") openAll(false);
  });
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); fields.q.focus(); }
  });
  window.addEventListener("hashchange", restore);
  var closed = [];
  window.addEventListener("beforeprint", function () {
    closed = Array.prototype.slice.call(document.querySelectorAll("details:not([open])"));
    closed.forEach(function (one) { one.open = true; });
  });
  window.addEventListener("afterprint", function () { closed.forEach(function (one) { one.open = false; }); });
  form.hidden = false;
  restore();
})();
