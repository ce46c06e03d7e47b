import { type Flow, inOwnSpace } from '../cli/flow.ts';

/** What apps may reach outside, by space and for all. */
export const securityGroups: Flow = {
  name: 'security-groups',
  run: async (session) => {
    const { name } = session;
    const admin = await inOwnSpace(session);
    const [group, org, space] = [name('group'), name('org'), name('space')];
    const shop = [
      { protocol: 'tcp', destination: '10.0.11.0/24', ports: '80,443', log: true, description: 'the shop' },
      { protocol: 'icmp', destination: '10.0.11.1', type: 8, code: 0 },
    ];
    await session.write('shop.json', JSON.stringify(shop));
    await session.write('wrong.json', JSON.stringify([{ protocol: 'tcp', destination: '10.0.11.0/24' }]));
    await admin.cf(['security-groups'], { says: ['public_networks', 'dns', /<all>/] });
    await admin.cf(['security-group', group], { status: 1, says: ['not found'] });
    await admin.cf(['create-security-group', group, 'wrong.json'], { status: 1, says: ['ports are required'] });
    await admin.cf(['create-security-group', group, 'shop.json'], { says: ['OK'] });
    await admin.cf(['create-security-group', group, 'shop.json'], { says: ['already exists'] });
    await admin.cf(['security-group', group], { says: ['10.0.11.0/24', 'the shop', 'No spaces assigned'] });
    await admin.cf(['bind-security-group', group, org, '--space', space], { says: ['OK'] });
    await admin.cf(['bind-security-group', group, org, '--space', space, '--lifecycle', 'staging'], { says: ['OK'] });
    await admin.cf(['security-group', group], { says: [space] });
    await admin.cf(['security-groups'], { says: [group] });
    await admin.cf(['space', space], { says: [group] });
    await admin.cf(['space', space, '--security-group-rules'], { says: ['10.0.11.0/24'] });
    await admin.cf(['update-security-group', group, 'rules.json'], { says: ['OK'] });
    await admin.cf(['update-security-group', name('none'), 'rules.json'], { status: 1, says: ['not found'] });
    await admin.cf(['security-group', group], { says: ['0.0.0.0/0'] });
    await admin.cf(['unbind-security-group', group, org, space], { says: ['OK'] });
    await admin.cf(['unbind-security-group', group, org, space, '--lifecycle', 'staging'], { says: ['OK'] });
    // To all of its spaces.
    await admin.cf(['bind-security-group', group, org], { says: ['OK'] });
    await admin.cf(['update-security-group', group, 'shop.json'], { says: ['OK'] });
    await admin.cf(['bind-running-security-group', group], { says: ['OK'] });
    await admin.cf(['running-security-groups'], { says: [group] });
    await admin.cf(['unbind-running-security-group', group], { says: ['OK'] });
    await admin.cf(['bind-staging-security-group', group], { says: ['OK'] });
    await admin.cf(['staging-security-groups'], { says: [group] });
    await admin.cf(['unbind-staging-security-group', group], { says: ['OK'] });
    await admin.cf(['delete-security-group', group, '-f'], { says: ['OK'] });
    await admin.cf(['delete-security-group', group, '-f'], { says: ['does not exist'] });
    await admin.cf(['delete-org', org, '-f']);
  },
};
