export { engines, type TestDatabase } from '@slipway/database/testing';
