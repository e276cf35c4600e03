"""The fixed text that travels in every bundle: how to check it, in French and in English."""

README = """\
DOSSIER DE PREUVE
=================

Ce fichier zip répond à une demande de piste d'audit. Il prouve ce qui a été enregistré, quand, et que
rien n'a été modifié, retiré ni antidaté depuis. Vous n'avez à faire confiance ni à l'établissement qui
vous le remet, ni à l'éditeur du logiciel.

Pour vérifier, sans réseau :
1. Obtenez l'empreinte de confiance (64 chiffres hexadécimaux) ailleurs que dans ce dossier : convention,
   site de l'opérateur, courrier. Elle désigne le fichier trust.json.
2. Installez le logiciel libre Émarge (Python 3.11 ou plus récent) ; sa base suffit.
3. Lancez : emarge verify DOSSIER.zip --trust EMPREINTE

La réponse est une ligne par enregistrement, ou le défaut précis et le fichier où il se trouve.

Avec des outils courants seulement :
- sheet.pdf se lit tel quel ; les enregistrements (records/*.json) sont du texte ;
- un jeton d'horodatage se contrôle avec OpenSSL :
  openssl ts -verify -data records/N.json -in records/N.tst -token_in -CAfile RACINE.pem
  -untrusted certificates/NOM.pem   (la racine est dans trust.json, en base64) ;
- dated/N.checkpoint, s'il y en a, est l'état signé du registre ; dated/N.tst, son jeton donné par un service
  d'horodatage extérieur, se contrôle de même (-data dated/N.checkpoint) ;
- les preuves *.tlog-proof suivent les formats publics C2SP tlog-proof, tlog-checkpoint et signed-note.

Ne modifiez pas ce fichier zip, ne le recompressez pas : il n'a qu'une écriture possible.


EVIDENCE BUNDLE
===============

This zip file answers a request for an audit trail. It proves what was recorded, when, and that nothing was
changed, dropped or back-dated since. You need to trust neither the school that hands it over nor the
makers of the software.

To check, without a network:
1. Obtain the trust fingerprint (64 hexadecimal digits) from elsewhere than this bundle: agreement,
   operator's site, letter. It designates the file trust.json.
2. Install the free software Émarge (Python 3.11 or later); its base is enough.
3. Run: emarge verify BUNDLE.zip --trust FINGERPRINT

The answer is a line for each record, or the precise fault and the file where it is.

With common tools only:
- sheet.pdf is read as it is; the records (records/*.json) are text;
- a timestamp token is checked with OpenSSL:
  openssl ts -verify -data records/N.json -in records/N.tst -token_in -CAfile ROOT.pem
  -untrusted certificates/NAME.pem   (the root is in trust.json, in base64);
- dated/N.checkpoint, if any, is the signed state of the log; dated/N.tst, its token from an external
  timestamp service, is checked likewise (-data dated/N.checkpoint);
- the proofs *.tlog-proof follow the public formats C2SP tlog-proof, tlog-checkpoint and signed-note.

Do not change or compress this zip file again: it has one possible spelling.
"""
