const TEXT = `
:host {
  --l-accent: var(--lonceng-accent, #4f46e5);
  --l-urgent: var(--lonceng-urgent, #c81e3a);
  --l-surface: var(--lonceng-surface, #ffffff);
  --l-raised: var(--lonceng-raised, #f4f5fb);
  --l-text: var(--lonceng-text, #1b1d2a);
  --l-muted: var(--lonceng-muted, #5a5f76);
  --l-line: var(--lonceng-line, #e3e5ef);
  --l-shadow: 0 18px 48px -12px rgb(20 22 45 / .28), 0 2px 6px rgb(20 22 45 / .08);
  --l-radius: var(--lonceng-radius, 14px);
  display: inline-block;
  position: relative;
  font: 400 .9375rem/1.45 var(--lonceng-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
  color: var(--l-text);
  text-align: start;
}
:host([hidden]) { display: none; }
:host([data-theme="dark"]) {
  --l-accent: var(--lonceng-accent, #a5b4fc);
  --l-urgent: var(--lonceng-urgent, #ff8a98);
  --l-surface: var(--lonceng-surface, #1c1e2b);
  --l-raised: var(--lonceng-raised, #272a3b);
  --l-text: var(--lonceng-text, #f1f2f9);
  --l-muted: var(--lonceng-muted, #aab0c8);
  --l-line: var(--lonceng-line, #34384d);
  --l-shadow: 0 18px 48px -12px rgb(0 0 0 / .7), 0 0 0 1px rgb(255 255 255 / .05);
}
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
button, a { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
:focus-visible { outline: 2px solid var(--l-accent); outline-offset: 2px; }
.bell {
  display: grid; place-items: center; inline-size: 2.75rem; block-size: 2.75rem; border-radius: 50%;
  color: var(--lonceng-bell-color, inherit); font-size: 1.15rem; position: relative; transition: background .15s;
}
.bell:hover { background: color-mix(in srgb, currentColor 9%, transparent); }
.bell[aria-expanded="true"] { background: color-mix(in srgb, currentColor 13%, transparent); }
.bell.ringing svg { animation: ring .7s ease-in-out; transform-origin: 50% 10%; }
@keyframes ring {
  20% { transform: rotate(15deg); } 40% { transform: rotate(-12deg); }
  60% { transform: rotate(8deg); } 80% { transform: rotate(-5deg); }
}
.badge {
  position: absolute; inset-block-start: .1rem; inset-inline-end: .05rem; min-inline-size: 1.25rem; block-size: 1.25rem;
  padding-inline: .3rem; border-radius: 1rem; background: #c81e3a; color: #fff; font-size: .72rem; font-weight: 700;
  line-height: 1.25rem; text-align: center; box-shadow: 0 0 0 2px var(--l-surface);
}
.panel {
  position: fixed; inset: auto; margin: 0; border: 0; padding: 0; color: inherit; overflow: hidden;
  display: flex; flex-direction: column; background: var(--l-surface); border-radius: var(--l-radius);
  box-shadow: var(--l-shadow); animation: drop .14s ease-out;
}
.panel:focus { outline: none; }
.panel.sheet {
  inset: auto 0 0; inline-size: 100%; max-inline-size: none; block-size: min(34rem, 85vh); border-end-start-radius: 0;
  border-end-end-radius: 0; padding-block-end: env(safe-area-inset-bottom); animation-name: rise;
}
.panel:not(.sheet) .close { display: none; }
@keyframes rise { from { transform: translateY(2rem); opacity: 0; } }
@keyframes drop { from { opacity: 0; transform: translateY(-6px); } }
.head { display: flex; align-items: center; gap: .75rem; padding: .9rem 1rem .75rem; border-block-end: 1px solid var(--l-line); }
.heading { font-size: 1.02rem; font-weight: 650; margin: 0; flex: 1; }
.quiet { white-space: nowrap; color: var(--l-accent); font-size: .84rem; font-weight: 550; border-radius: 6px; padding: .3rem .4rem; }
.quiet:hover { background: var(--l-raised); }
.quiet:disabled { color: var(--l-muted); cursor: default; background: none; }
.gear, .close, .more, .tick, .x { color: var(--l-muted); border-radius: 6px; line-height: 0; padding: .25rem; }
.gear:hover, .close:hover, .more:hover, .tick:hover, .x:hover { background: var(--l-raised); color: var(--l-text); }
.more svg { stroke-width: 3; }
.gear:disabled { opacity: .4; cursor: default; }
.tabs { display: flex; flex-wrap: wrap; gap: .25rem; padding: .4rem .75rem 0; border-block-end: 1px solid var(--l-line); }
.tab { padding: .4rem .6rem .5rem; font-size: .88rem; color: var(--l-muted); border-block-end: 2px solid transparent; border-radius: 6px 6px 0 0; }
.tab[aria-selected="true"] { color: var(--l-text); font-weight: 600; border-block-end-color: var(--l-accent); }
.banner { padding: .6rem 1rem; font-size: .84rem; background: var(--l-raised); color: var(--l-text); }
.body { overflow-y: auto; overscroll-behavior: contain; flex: 1; min-block-size: 8rem; }
.list { padding: .35rem; }
.item {
  position: relative; display: grid; grid-template-columns: 1fr auto auto; gap: .1rem .5rem; border-radius: 10px; cursor: pointer;
  padding-block: .7rem; padding-inline: 1.6rem .6rem; content-visibility: auto; contain-intrinsic-size: auto 5rem;
}
.item:focus-within, .item:has(.menu) { content-visibility: visible; }
.item:has(.menu) { z-index: 1; }
.item:hover, .item:focus-within { background: var(--l-raised); }
.title::before {
  content: ""; position: absolute; inset-inline-start: .65rem; margin-block-start: .42rem; inline-size: .5rem;
  block-size: .5rem; border-radius: 50%; background: transparent;
}
.item.unread .title::before { background: var(--l-accent); }
.item.unread.high .title::before { background: var(--l-urgent); }
/* The link is as large as its row or toast; the buttons lie over it. */
:is(a, button).title::after { content: ""; position: absolute; inset: 0; border-radius: inherit; }
.day, .buttons, .unfold, .toast .x { position: relative; z-index: 1; }
.day { cursor: default; grid-column: 1 / -1; margin-inline-start: -.95rem; padding-block-end: .35rem; font-size: .78rem; font-weight: 600; color: var(--l-muted); }
.title { font-weight: 500; overflow-wrap: anywhere; text-decoration: none; color: inherit; text-align: start; }
.unread .title { font-weight: 650; }
.when { color: var(--l-muted); font-size: .8rem; white-space: nowrap; padding-block-start: .1rem; }
.buttons { display: flex; align-self: start; margin-block: -.1rem; }
.text { grid-column: 1 / -1; color: var(--l-muted); overflow-wrap: anywhere; }
.item .title, .toast .title { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.text { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.text.whole { display: block; }
.unread .text { color: var(--l-text); }
.unfold { grid-column: 1 / -1; justify-self: start; margin-inline-start: -.4rem; }
.menu {
  position: absolute; inset-block-start: 100%; inset-inline-end: 0; z-index: 2; display: grid; padding: .3rem;
  inline-size: max-content; max-inline-size: min(16rem, 70vw); cursor: default; background: var(--l-surface); border-radius: 10px; box-shadow: var(--l-shadow);
}
.entry { padding: .45rem .7rem; text-align: start; border-radius: 7px; font-size: .88rem; overflow-wrap: anywhere; }
.entry:hover, .entry:focus { background: var(--l-raised); }
.bar:not(:empty) {
  display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding: .5rem 1rem; font-size: .88rem;
  border-block-start: 1px solid var(--l-line);
}
.settings { overflow-y: auto; padding: .5rem 1rem 1rem; display: grid; gap: .75rem; }
.group { border: 1px solid var(--l-line); border-radius: 10px; padding: .5rem .8rem .7rem; display: grid; gap: .4rem; min-inline-size: 0; }
.group legend { font-weight: 600; font-size: .88rem; padding-inline: .3rem; }
.hint { margin: 0; font-size: .84rem; color: var(--l-muted); }
.choice { display: flex; gap: .5rem; align-items: baseline; overflow-wrap: anywhere; }
.field { display: flex; gap: .5rem; align-items: center; justify-content: space-between; }
.settings input, .settings select { font: inherit; color: var(--l-text); accent-color: var(--l-accent); }
.settings select, .settings input[type="time"] {
  background: var(--l-raised); border: 1px solid var(--l-muted); border-radius: 6px; padding: .2rem .4rem; color-scheme: light;
}
:host([data-theme="dark"]) .settings :is(select, input) { color-scheme: dark; }
.save { background: var(--l-accent); color: var(--l-surface); font-weight: 600; border-radius: 8px; padding: .5rem 1rem; justify-self: start; }
.empty { padding: 2.6rem 1.5rem; text-align: center; color: var(--l-muted); }
.empty svg { font-size: 2rem; opacity: .55; }
.empty strong { display: block; color: var(--l-text); font-weight: 600; margin-block: .5rem .15rem; }
.older { display: block; margin: .25rem auto .5rem; }
.toasts {
  position: fixed; inset: auto; inset-block-end: 1.1rem; inset-inline-end: 1.1rem; margin: 0; border: 0; padding: 0;
  background: none; color: inherit; overflow: visible; gap: .6rem; inline-size: min(23rem, calc(100vw - 2.2rem)); pointer-events: none;
}
.toasts:popover-open { display: grid; }
.toasts[data-position$="start"] { inset-inline: 1.1rem auto; }
.toasts[data-position^="top"] { inset-block: 1.1rem auto; }
.toast {
  position: relative; pointer-events: auto; display: grid; grid-template-columns: auto 1fr auto; gap: .15rem .8rem; align-items: start;
  padding: .85rem .9rem; background: var(--l-surface); border-radius: var(--l-radius); box-shadow: var(--l-shadow); cursor: pointer;
  border-inline-start: 4px solid var(--l-accent); animation: slide .22s cubic-bezier(.2, .9, .3, 1.2);
}
.toast.high { border-color: var(--l-urgent); }
.toast.low { border-color: var(--l-line); }
.toast > svg { color: var(--l-accent); margin-block-start: .1rem; }
.toast.high > svg { color: var(--l-urgent); }
.toast .title { font-weight: 650; }
.toast .title::before { display: none; }
.toast .text { grid-column: 2 / -1; color: inherit; }
.toast.leaving { opacity: 0; transform: translateX(1rem); transition: .18s; }
@keyframes slide { from { opacity: 0; transform: translateY(.8rem) scale(.97); } }
.said { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 359px) {
  .head { flex-wrap: wrap; row-gap: 0; }
  .head .quiet { order: 1; }
  .heading { flex: 1 0 50%; }
}
@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) {
  .panel, .toast, .menu { border: 1px solid CanvasText; }
  .tab { border-block-end-color: Canvas; }
  .tab[aria-selected="true"] { forced-color-adjust: none; background: Highlight; color: HighlightText; border-color: Highlight; }
  .item.unread .title::before { background: Highlight; forced-color-adjust: none; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** The stylesheet, made once and shared by all bells of a page; it needs no permission of a Content-Security-Policy. */
export function styles() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(TEXT);
  }
  return sheet;
}
