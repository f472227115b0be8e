// Keeps a page as its source is: puts new text into it or reloads it, swaps its style sheets, and shows what is wrong.
// All text is set as text, so nothing in a message can become markup.
(() => {
  "use strict";
  const served = document.currentScript.dataset;
  const OURS = document.currentScript.getAttribute("src");
  const own = { page: served.page, styles: served.styles, assets: served.assets };
  const KEPT = "digest-preview";
  let stream = null;
  let retry = 0;
  let leaving = false;
  let renewing = false;
  let latest = null; // what was told last
  let away = ""; // errors that the reader has put away, until others take their place
  let opened = false; // whether the reader has opened the warnings

  const STYLE = `
    :host { all: initial }
    * { box-sizing: border-box; margin: 0 }
    .panel, .badge, .note { position: fixed; z-index: 2147483647; color: #f4f1ea; background: #1d1b19;
      font: 15px/1.5 system-ui, sans-serif; text-align: left; direction: ltr }
    .panel { inset: 0; overflow: auto; padding: 2rem max(1rem, calc(50vw - 30rem)) 4rem; border-top: 6px solid #e5484d }
    .panel.warnings { inset: auto 0 0; max-height: 60vh; border-top-color: #e2a336; padding-top: 1rem; padding-bottom: 1rem }
    h1 { font-size: 1.35rem; font-weight: 600; padding-right: 3rem }
    .time { color: #b5ada1; margin-bottom: 1.25rem }
    article { padding: 1rem 0; border-top: 1px solid #45403a }
    .where { color: #b5ada1; font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere }
    .message { font-size: 1.05rem; overflow-wrap: anywhere; white-space: pre-wrap }
    .hint { color: #9bd1a5; overflow-wrap: anywhere; white-space: pre-wrap }
    pre { margin-top: .6rem; padding: .6rem 0; overflow-x: auto; background: #121110; border-radius: 4px;
      font: 13px/1.6 ui-monospace, monospace; tab-size: 4 }
    pre span { display: block; min-width: max-content; padding: 0 .8rem; white-space: pre }
    pre .fault { background: #4a1d20 }
    .warning pre .fault { background: #463412 }
    pre b { display: inline-block; width: 3.5em; padding-right: 1em; color: #8f877b; font-weight: 400; text-align: right }
    button { font: inherit; color: inherit; background: none; border: 0; cursor: pointer }
    .close { position: absolute; top: .8rem; right: max(1rem, calc(50vw - 30rem)); font-size: 1.5rem; line-height: 1 }
    .badge { right: 1rem; bottom: 1rem; padding: .35rem .8rem; border-radius: 1rem; background: #e2a336; color: #1d1b19 }
    .badge.failed { background: #e5484d; color: #fff }
    .badge.off { background: #45403a; color: #f4f1ea }
    .note { left: 1rem; bottom: 1rem; max-width: min(36rem, calc(100vw - 2rem)); padding: .6rem 1rem; border-radius: 6px;
      overflow-wrap: anywhere }
    .note a { color: #ffd98a }
    @media print { .panel, .badge, .note { display: none } }`;

  const make = (name, classes, text) => {
    const element = document.createElement(name);
    if (classes) element.className = classes;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const host = make("digest-preview");
  const shadow = host.attachShadow({ mode: "open" });
  shadow.append(make("style", "", STYLE));
  const shown = make("div");
  const notes = make("div");
  shadow.append(shown, notes);
  document.documentElement.append(host);

  const counted = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

  const problem = ({ where, severity, message, hint, line, source }) => {
    const part = make("article", severity);
    if (where) part.append(make("p", "where", where));
    part.append(make("p", "message", message));
    if (hint) part.append(make("p", "hint", hint));
    if (source.length) {
      const lines = make("pre");
      for (const { number, text } of source) {
        const row = make("span", number === line ? "fault" : "");
        row.append(make("b", "", String(number)), text);
        lines.append(row);
      }
      part.append(lines);
    }
    return part;
  };

  const button = (classes, text, act) => {
    const made = make("button", classes, text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };

  const panel = (state, heading, close) => {
    const box = make("section", state.failed ? "panel failed" : "panel warnings");
    box.setAttribute("role", state.failed ? "alertdialog" : "region");
    box.setAttribute("aria-label", heading);
    const time = state.failed ? `${state.time} · behind this is the site as it was before` : state.time;
    box.append(make("h1", "", heading), make("p", "time", time), ...state.problems.map(problem));
    const more = state.errors + state.warnings - state.problems.length;
    if (more) box.append(make("p", "time", `${more} more on the terminal`));
    if (state.trace) {
      const trace = make("pre");
      trace.append(make("span", "", state.trace));
      box.append(trace);
    }
    const closing = button("close", "×", close);
    closing.setAttribute("aria-label", "Close");
    box.append(closing);
    return box;
  };

  const show = (state) => {
    shown.replaceChildren();
    const errors = counted(state.errors, "error");
    const warnings = counted(state.warnings, "warning");
    const wrong = state.failed ? JSON.stringify(state.problems) : "";
    if (away !== wrong) away = "";
    if (state.failed) {
      const turn = () => { away = away ? "" : wrong; show(state); };
      if (away) shown.append(button("badge failed", errors, turn));
      else shown.append(panel(state, state.warnings ? `${errors}, ${warnings}` : errors, turn));
    } else if (state.warnings) {
      const turn = () => { opened = !opened; show(state); };
      shown.append(opened ? panel(state, warnings, turn) : button("badge", warnings, turn));
    }
  };

  const note = (text, link) => {
    const box = make("p", "note", text);
    if (link) {
      const anchor = make("a", "", link);
      anchor.href = link;
      box.append(" ", anchor);
    }
    box.append(" ", button("", "×", () => box.remove()));
    notes.replaceChildren(box);
  };

  const remember = (values) => {
    try { sessionStorage.setItem(KEPT, JSON.stringify(values)); } catch { /* storage is off: the page starts at its top */ }
  };

  const recall = () => {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEPT));
      sessionStorage.removeItem(KEPT);
      return found && found.path === location.pathname ? found : null;
    } catch { return null; }
  };

  const leave = (act) => {
    leaving = true;
    if (stream) stream.close();
    act();
  };

  const follow = ({ moved }) => {
    leave(() => {
      remember({ path: moved, note: `This page was at ${location.pathname} before.` });
      location.replace(moved);
    });
  };

  const reload = () => {
    leave(() => {
      remember({ path: location.pathname, x: scrollX, y: scrollY });
      location.reload();
    });
  };

  const isOurs = (element) => element.localName === "script" && element.getAttribute("src") === OURS;
  const isStyle = (element) => element.matches('link[rel~="stylesheet"], style');
  const isPlain = (page) => [...page.querySelectorAll("script")].every(
    (each) => each.getAttribute("type") === "application/ld+json" || isOurs(each));

  const dress = (page) => [...page.head.children].filter(isStyle).map((each) => {
    if (each.localName === "style") return each.textContent;
    const url = new URL(each.href, location.href);
    url.searchParams.delete("digest");
    return url.href;
  }).join("\n");

  // Puts the text of a new page in the place of the old one; no, where the page has scripts or other clothes.
  const put = (page) => {
    const tag = [...page.scripts].find(isOurs);
    if (!tag || tag.dataset.assets !== own.assets || dress(page) !== dress(document)) return false;
    if (!isPlain(page) || !isPlain(document)) return false;
    const stays = (element) => isOurs(element) || isStyle(element);
    for (const old of [...document.head.children]) if (!stays(old)) old.remove();
    document.head.append(...[...page.head.children].filter((each) => !stays(each)));
    const root = document.documentElement;
    for (const { name } of [...root.attributes]) root.removeAttribute(name);
    for (const { name, value } of page.documentElement.attributes) root.setAttribute(name, value);
    document.body.replaceWith(page.body);
    own.page = tag.dataset.page;
    return true;
  };

  // Quicker than loading the page anew, and the reader stays where they are. What scripts did to a page would be lost.
  const renew = async (state) => {
    renewing = true;
    let answer = null;
    let text = "";
    try {
      answer = await fetch(location.href);
      text = await answer.text();
    } catch {
      return; // no answer: the stream breaks too, and begins again with news
    } finally {
      renewing = false;
    }
    if (leaving) return;
    let done = false;
    try {
      done = answer.ok && put(new DOMParser().parseFromString(text, "text/html"));
    } catch { /* a page that cannot be taken apart can be loaded */ }
    if (!done) return reload();
    if (latest !== state) told(latest);
    else settle(state);
  };

  const restyle = (version) => {
    for (const old of document.querySelectorAll('link[rel~="stylesheet"]')) {
      const url = new URL(old.href, location.href);
      if (url.origin !== location.origin || old.dataset.digestOld) continue;
      url.searchParams.set("digest", version);
      const fresh = old.cloneNode();
      fresh.href = url.href;
      old.dataset.digestOld = "yes";
      const done = () => old.remove(); // not before the new one is there: the page would be bare for a moment
      fresh.addEventListener("load", done);
      fresh.addEventListener("error", done);
      old.after(fresh);
    }
  };

  const settle = (state) => {
    const { styles } = state.versions;
    if (styles !== own.styles) restyle(styles);
    own.styles = styles;
    show(state);
  };

  const told = (state) => {
    const now = state.versions;
    latest = state;
    if (leaving || renewing) return;
    if (now.page === "" && own.page !== "" && state.moved) return follow(state);
    if (now.assets !== own.assets || (now.page !== own.page && !(now.page && own.page))) return reload();
    if (now.page !== own.page) return renew(state);
    settle(state);
  };

  const off = () => {
    if (!shown.querySelector(".panel")) shown.replaceChildren(make("p", "badge off", "the preview is not running"));
  };

  // A browser opens six connections to a host at most, so of all open pages one listens, for as long as it holds the
  // lock. It passes on that there is news, and the others ask once each what it means for them.
  const channel = new BroadcastChannel(KEPT);

  const open = (each) => {
    const source = new EventSource(`/.digest/events?page=${encodeURIComponent(location.pathname)}`);
    source.onmessage = (event) => each(JSON.parse(event.data), source);
    return source;
  };

  const listen = () => {
    clearTimeout(retry);
    if (stream || leaving) return;
    stream = open((state) => {
      channel.postMessage("news");
      told(state);
    });
    stream.onerror = () => {
      rest();
      if (leaving) return;
      channel.postMessage("off");
      off();
      retry = setTimeout(listen, 1000);
    };
  };

  const ask = () => {
    if (stream || leaving) return;
    const once = open((state, source) => {
      source.close();
      told(state);
    });
    once.onerror = () => once.close();
  };

  const rest = () => {
    clearTimeout(retry);
    if (stream) stream.close();
    stream = null;
  };

  channel.onmessage = ({ data }) => (data === "news" ? ask() : off());

  let release = () => {};
  const join = () => {
    if (!navigator.locks) return listen(); // not over plain HTTP from another machine
    ask();
    navigator.locks.request(KEPT, () => {
      listen();
      return new Promise((resolve) => { release = resolve; });
    });
  };

  addEventListener("pagehide", () => { rest(); release(); });
  addEventListener("pageshow", (event) => { if (event.persisted) join(); });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") shown.querySelector(".close")?.click();
  });

  const kept = recall();
  const reloaded = kept && kept.y !== undefined;
  if (reloaded && served.moved) return follow(served); // it went away between the news and the reload
  if (served.note) note(served.note, served.moved);
  if (kept && kept.note) note(kept.note);
  if (reloaded) {
    const scroll = () => scrollTo({ left: kept.x, top: kept.y, behavior: "instant" });
    scroll();
    addEventListener("load", scroll, { once: true });
  }
  join();
})();
