/** Whether there is a way by SSH into an app, and if not, who has closed it (cloud_controller_ng `app_ssh_status_presenter.rb`). */
export function sshStatus(
  platform: boolean,
  space: boolean,
  app: boolean,
): { readonly enabled: boolean; readonly reason: string } {
  if (!platform) return { enabled: false, reason: 'Disabled globally' };
  if (!space) return { enabled: false, reason: 'Disabled for space' };
  return app ? { enabled: true, reason: '' } : { enabled: false, reason: 'Disabled for app' };
}
