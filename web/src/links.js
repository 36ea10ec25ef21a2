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

/**
 * Returns a URL of a link in a message if it is safe to follow, else null: also an e-mail address,
 * and no path without a slash at its beginning, as the hub has it.
 * @param {string} url
 */
export function safeLink(url) {
  if (/^mailto:[^\s<>"]+$/i.test(url)) return url;
  return /^(https?:|\/)/i.test(url) ? safeUrl(url) : null;
}
