## The security overview.

strength-email-verified = Bekreftet e-postadresse
strength-password-set = Passord
strength-two-step = Totrinnsbekreftelse
strength-authenticator = Autentiseringsapp
strength-second-authenticator = En ekstra autentikator
strength-recovery-codes = Gjenopprettingskoder
advice-review-activity = Det har vært mange mislykkede forsøk på kontoen din. Se gjennom aktiviteten din, og bytt passord hvis noen kan kjenne til det.
advice-reset-password = Passordet ditt ble slått av etter for mange mislykkede forsøk. Velg et nytt.
advice-change-password = Du har meldt fra om aktivitet som ikke var din. Velg et nytt passord.
advice-verify-email = Bekreft e-postadressen din, slik at vi kan nå deg og du kan komme inn igjen.
advice-enable-two-step = Slå på totrinnsbekreftelse. Da er det ikke nok med et stjålet passord.
advice-replace-authenticator = En av autentikatorene dine kan ikke brukes. Erstatt den eller fjern den.
advice-make-recovery-codes = Lag gjenopprettingskoder og oppbevar dem trygt. Uten dem kan en mistet telefon stenge deg ute.
advice-few-recovery-codes-left = Få gjenopprettingskoder er igjen. Lag nye.
advice-add-second-authenticator = Legg til en ekstra autentikator på en annen enhet, i tilfelle du mister denne.

## What a loss would mean.

if-lost-locked-out = Hvis du mistet denne enheten, ville du ikke kommet inn. Lag gjenopprettingskoder nå.
if-lost-few-codes = Hvis du mistet denne enheten, ville du bare hatt noen få gjenopprettingskoder igjen. Lag nye nå.
if-lost-only-codes = Hvis du mistet denne enheten, ville du bare hatt gjenopprettingskodene dine igjen. Sørg for at du vet hvor de er.
