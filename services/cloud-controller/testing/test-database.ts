export { engines, rawContent, type TestDatabase } from '@slipway/database/testing';
