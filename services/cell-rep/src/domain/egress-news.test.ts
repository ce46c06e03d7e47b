import { expect, test } from 'vitest';
import { EgressNews } from './egress-news.ts';

const refused = { verdict: 'refused', protocol: 'tcp', destination: '10.0.0.5', port: 5432 } as const;

test('what is refused is told once in a minute for each destination and instance', () => {
  const news = new EgressNews();
  expect(news.say('a', refused, 0)).toBe('refused a connection to tcp 10.0.0.5:5432 of instance');
  expect(news.say('a', refused, 59_999)).toBeUndefined();
  expect(news.say('a', { ...refused, port: 5433 }, 1)).toContain(':5433');
  expect(news.say('b', refused, 1)).toBeDefined();
  expect(news.say('a', refused, 60_000)).toBeDefined();
});

test('what is let pass is told each time, and has no port where there is none', () => {
  const news = new EgressNews();
  const ping = { verdict: 'accepted', protocol: 'icmp', destination: '10.0.0.5', port: undefined } as const;
  expect(news.say('a', ping, 0)).toBe('let a connection to icmp 10.0.0.5 pass for instance');
  expect(news.say('a', ping, 1)).toBeDefined();
});

test('little is remembered of one that tries everything, and nothing of one that is gone', () => {
  const news = new EgressNews();
  expect(news.say('a', { ...refused, port: 1 }, 0)).toBeDefined();
  for (let port = 2; port <= 201; port += 1) news.say('a', { ...refused, port }, 0);
  expect(news.say('a', { ...refused, port: 1 }, 1)).toBeDefined();
  expect(news.say('a', { ...refused, port: 201 }, 1)).toBeUndefined();
  news.keep(new Set(['b']));
  expect(news.say('a', { ...refused, port: 201 }, 1)).toBeDefined();
});
