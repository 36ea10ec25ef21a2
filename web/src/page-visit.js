/**
 * Watches whether the user is on the page. A browser keeps a page that is left in its back/forward
 * cache, frozen, and may keep the page's WebSocket open too: for the hub, the user would still be
 * there. The lock of the tab that leads would be kept as well, and no other tab could connect.
 *
 * @param {() => void} leave  Called when the page is left, for the cache or for good.
 * @param {() => void} back  Called when a page that was left is shown again.
 * @returns {() => void}  Ends it.
 */
export function watchVisit(leave, back) {
  let isLeft = false;
  const ended = new AbortController();
  const { signal } = ended;
  const hidden = () => {
    isLeft = true;
    leave();
  };
  // `pageshow` is also fired when a page has loaded.
  const shown = () => {
    if (!isLeft) return;
    isLeft = false;
    back();
  };
  addEventListener('pagehide', hidden, { signal });
  addEventListener('pageshow', shown, { signal });
  return () => ended.abort();
}
