/**
 * What the page does beside showing what the server has written into it: it hears over an event stream which parts
 * have changed, and changes only what is another in them, so that the focus, a selection and the place where somebody
 * reads stay. Without it the page is complete, and stays as it was.
 *
 * Security decision: parts come as the markup that a reload would show, in which everything from outside is escaped;
 * the content policy lets nothing in it run. Scripts of others, such as an extension's, get no way to write markup:
 * there is one policy for trusted types, and it is in here.
 *
 * @see Trusted Types, section 2.3; https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export const SCRIPT = `
"use strict";
(() => {
  const status = document.getElementById("status");
  const pause = document.getElementById("pause");
  const asIs = { createHTML: (markup) => markup };
  const policy = window.trustedTypes ? trustedTypes.createPolicy("monitor", asIs) : asIs;
  let source;
  let isPaused = false;

  function say(text, state) {
    if (status.textContent !== text) status.textContent = text;
    status.dataset.state = state;
  }

  function change(old, now) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== now.data) old.data = now.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of now.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    changeInside(old, now);
  }

  const isAlike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && !a.id;

  function changeInside(old, now) {
    const wanted = new Set([...now.children].map(({ id }) => id));
    for (const child of [...old.children]) if (child.id && !wanted.has(child.id)) child.remove();
    const known = new Map([...old.children].map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const next of [...now.childNodes]) {
      const same = next.id ? known.get(next.id) : at && isAlike(at, next) ? at : undefined;
      if (same === undefined) old.insertBefore(next, at);
      else {
        if (same === at) at = at.nextSibling;
        else old.insertBefore(same, at);
        change(same, next);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function show(id, markup) {
    const part = document.getElementById(id);
    if (!part) return;
    const focused = part.contains(document.activeElement) ? document.activeElement : undefined;
    const template = document.createElement("template");
    template.innerHTML = policy.createHTML(markup);
    changeInside(part, template.content);
    if (!focused || focused === document.activeElement) return;
    if (focused.isConnected) focused.focus({ preventScroll: true });
    else part.focus({ preventScroll: true });
  }

  function listen() {
    source = new EventSource(document.body.dataset.live);
    source.addEventListener("parts", ({ data }) => {
      say("Live", "live");
      for (const [id, markup] of Object.entries(JSON.parse(data))) show(id, markup);
    });
    source.addEventListener("again", () => {
      stop();
      listen();
    });
    source.addEventListener("refused", ({ data }) => {
      stop();
      say("Not live: " + JSON.parse(data), "off");
    });
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) say("Not live: reload the page.", "off");
      else say("Connection lost, trying again", "lost");
    });
  }

  function stop() {
    source.close();
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Go on" : "Pause";
    stop();
    if (isPaused) say("Paused", "off");
    else listen();
  });
  document.addEventListener("visibilitychange", () => {
    if (isPaused || status.dataset.state === "off") return;
    stop();
    if (!document.hidden) listen();
  });
  listen();
})();
`;
