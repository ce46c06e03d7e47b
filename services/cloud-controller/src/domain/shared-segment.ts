/**
 * The isolation segment of the cells that have no placement tag, in cloud_controller_ng's words and with its guid
 * (`isolation_segment_model.rb`). A space may be assigned to it where its organization's default is another.
 */
export const SHARED_SEGMENT = { guid: '933b4c58-120b-499a-b85d-4b6fc9e2903b', name: 'shared' } as const;

/** The placement tags of an app whose space, or organization, has this segment. */
export function placementTagsOf(name: string | null, guid: string | null): string[] {
  return name === null || guid === SHARED_SEGMENT.guid ? [] : [name];
}
