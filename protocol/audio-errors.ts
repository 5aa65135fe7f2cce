/** Rows of the table of errors: a session's sound. */
export const AUDIO_ERRORS = {
  no_audio: {
    status: 404,
    close: 4404,
    number: 1241,
    message: 'This session has no sound: {why}. Its frames are at …/events.',
  },
  audio_undecodable: {
    status: 422,
    close: 4400,
    number: 1242,
    message:
      'All sound of this session is in formats that are not decoded here: {formats}. It is in the frames at …/events as it came; to hear sessions here, have the provider send PCM, μ-law or A-law.',
  },
  audio_too_long: {
    status: 422,
    close: 4400,
    number: 1243,
    message:
      'This session is longer than a WAV file can be (4 GiB, at 8 kHz). Ask for one side of it, by ?channel=left or ?channel=right.',
  },
  audio_busy: {
    status: 429,
    close: 4429,
    number: 1244,
    message:
      '{most} answers with the sound of this session are under way already. Try again when one is read.',
  },
  range_not_satisfiable: {
    status: 416,
    close: 4400,
    number: 1245,
    message: 'The range begins past the end: this file has {bytes} bytes.',
  },
} as const;
