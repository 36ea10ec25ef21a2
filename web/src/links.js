/**
 * Returns a URL if it is safe to follow, else null: an http or https URL, or a path of this origin.
 * A text that looks like a path but leads to another host, such as `/\\host`, is not safe.
 * @param {string | null} url
 */
export function safeUrl(url) {
  if (!url) return null;
  try {
    const { origin, protocol } = new URL(url, location.href);
    if (protocol !== 'https:' && protocol !== 'http:') return null;
    const absolute = /^https?:\/\/[^/\\]/i.test(url);
    return absolute || origin === location.origin ? url : null;
  } catch {
    return null;
  }
}
