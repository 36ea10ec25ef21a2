'use client';

import {
  createContext,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { Options } from '@lonceng/client';
import { InboxStore } from './store.js';

/** Texts of the elements, by name. */
export type Dictionary = Record<string, string>;

/** Appearance of the elements. */
export interface Appearance {
  /** Language, such as `id`; by default that of the page. */
  lang?: string;
  /** Theme; by default that of the system. */
  theme?: 'light' | 'dark';
  /** Texts that replace the built-in ones, or add a language. Keep the object between renders. */
  dictionary?: Dictionary;
}

/** Properties of `LoncengProvider`. */
export interface LoncengProviderProps extends Appearance {
  /** URL of the hub; by default the origin of the page. */
  hub?: string;
  /** Token of the user. */
  token?: string;
  /**
   * Returns a token. Called before the first connection, before a token expires, and when one is
   * refused. May be another function in each render.
   */
  getToken?: () => Promise<string>;
  /** Authenticates with the session cookie of the hub's site. */
  auth?: 'cookie';
  /** Dev authentication: ID of the user. */
  userId?: string;
  /** Dev authentication: login name. */
  login?: string;
  /** Dev authentication: role. */
  role?: string;
  /** False for a connection that the tabs of the browser do not share. */
  share?: boolean;
  children?: ReactNode;
}

/** Contents of the context. */
export interface LoncengContext {
  store: InboxStore;
  options: Options;
  appearance: Appearance;
}

const Context = createContext<LoncengContext | null>(null);

/** `useLayoutEffect`, which React 18 warns of on a server. */
export const useBrowserLayoutEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect;

/** Returns the context; `user` names the component or hook that needs it. */
export function useLoncengContext(user: string): LoncengContext {
  const context = useContext(Context);
  if (!context) throw new Error(`Lonceng: ${user} must be inside <LoncengProvider>`);
  return context;
}

/** Returns a ref to the value of the latest render. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useBrowserLayoutEffect(() => {
    latest.current = value;
  });
  return latest;
}

/**
 * Connects to the inbox of a user, for the components and hooks inside. They share its one
 * connection. Another token of the same user keeps the inbox; another user gets another one.
 */
export function LoncengProvider(props: LoncengProviderProps): ReactElement {
  const { hub, token, getToken, auth, userId, login, role, share, lang, theme, dictionary } = props;
  const [store] = useState(() => new InboxStore());
  const latest = useLatest(getToken);
  const hasGetToken = Boolean(getToken);
  const options = useMemo<Options>(() => {
    const ask = async () => (await latest.current?.()) ?? '';
    const getToken = hasGetToken ? ask : undefined;
    return { hub, token, getToken, auth, userId, login, role, share };
  }, [latest, hasGetToken, hub, token, auth, userId, login, role, share]);
  const appearance = useMemo(() => ({ lang, theme, dictionary }), [lang, theme, dictionary]);
  const context = useMemo(() => ({ store, options, appearance }), [store, options, appearance]);
  useBrowserLayoutEffect(() => void store.configure(options), [store, options]);
  // Not a layout effect: React ends those while a boundary of Suspense shows its fallback.
  useEffect(() => store.retain(), [store]);
  return <Context.Provider value={context}>{props.children}</Context.Provider>;
}
