/** Key of the token in the session storage. */
const TOKEN_KEY = 'lonceng console token';

/** Name of the scheme in front of a token that was copied with its header. */
const SCHEME = /^(authorization:\s*)?bearer\s+/i;

/**
 * Returns a pasted token without what often stands around it.
 * @param {string} text
 */
export const cleaned = (text) => text.trim().replace(SCHEME, '').trim();

/** Token of the caller; null without one. @returns {string | null} */
export const token = () => sessionStorage.getItem(TOKEN_KEY);

/** @param {string} text */
export function signIn(text) {
  sessionStorage.setItem(TOKEN_KEY, cleaned(text));
}

export function signOut() {
  sessionStorage.removeItem(TOKEN_KEY);
}

export const isSignedIn = () => Boolean(token());
