'use client';

export { LoncengProvider } from './provider.js';
export { Bell, Inbox, Preferences, Toasts } from './elements.js';
export { useClient, useInbox, useNotification, useUnread } from './hooks.js';
export type { LoncengProviderProps, Appearance, Dictionary } from './provider.js';
export type {
  ActionEvent,
  BellProps,
  ElementProps,
  InboxProps,
  Placement,
  PreferencesProps,
  StatusEvent,
  ToastsProps,
} from './elements.js';
export type { InboxResult, UseInboxOptions } from './hooks.js';
export type {
  Action,
  Client,
  Filter,
  Notification,
  Options,
  RenderItem,
  Status,
  Tab,
} from '@lonceng/client';
