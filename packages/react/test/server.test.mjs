// The built package in Node: what a server renders.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { Bell, LoncengProvider, useClient, useInbox, useUnread } from '@lonceng/react';

function State() {
  const { items, status } = useInbox();
  return `${useUnread()} unread, ${items.length} items, ${status}, ${useClient()}`;
}

test('a server renders the state before the connection, and connects to nothing', () => {
  const children = [createElement(Bell, { key: 'bell' }), createElement(State, { key: 'state' })];
  const provider = createElement(LoncengProvider, { userId: 'budi' }, children);
  const html = renderToString(provider);
  assert.match(html, /0 unread, 0 items, connecting, null/);
  assert.doesNotMatch(html, /lonceng-bell/);
});

test('a component outside of the provider is an error that says so', () => {
  assert.throws(() => renderToString(createElement(State)), /must be inside <LoncengProvider>/);
});
