"""The sentences of ``emarge verify`` in both languages: the base install has no catalogue to look into."""

from collections.abc import Mapping
from dataclasses import dataclass

from emarge.proof.evidence.errors import Fault
from emarge.proof.evidence.verdict import Warn


@dataclass(frozen=True)
class Texts:
    """Every sentence of one language."""

    valid: str
    invalid: str
    file: str
    detail: str
    bad_fingerprint: str
    no_file: str
    not_a_file: str
    unreadable: str
    code: str
    request: str
    period: str
    log: str
    log_size: str
    mirror: str
    mirrored: str
    witness: str
    witnessed: str
    dated: str
    existed: str
    produced: str
    trust: str
    meeting: str
    number: str
    records: str
    vouched: str
    unknown_bound: str
    warning: str
    colon: str
    faults: Mapping[Fault, str]
    warnings: Mapping[Warn, str]
    events: Mapping[str, str]
    words: Mapping[str, str]


_EN = Texts(
    valid="VALID. Every byte of this bundle is proved; it holds {count} records.",
    invalid="NOT VALID. This bundle proves nothing.",
    file="File",
    detail="Detail",
    bad_fingerprint="The trust fingerprint is 64 hexadecimal digits; get it from elsewhere than the bundle.",
    no_file="There is no file {path}.",
    not_a_file="{path} is not a file.",
    unreadable="{path} cannot be read: {reason}.",
    code="Institution code",
    request="Request",
    period="Period",
    log="Log",
    log_size="{log}, {size} records under the signed checkpoint",
    mirror="Mirror",
    mirrored="{name} holds them too; cosigned {at}",
    witness="Witness",
    witnessed="{name} knew no other history; cosigned {at}",
    dated="Dated outside",
    existed="the first {size} records existed on {at} ± {accuracy} s, says {authority}",
    produced="Bundle produced",
    trust="Trusted",
    meeting="meeting",
    number="No. {index}",
    records="records",
    vouched="certified {at} ± {accuracy} s ({delay}) by {authority}; held in the log {log}",
    unknown_bound="(server's time, accuracy unknown)",
    warning="Warning",
    colon=": ",
    faults={
        Fault.CONTAINER: "The file is not an evidence bundle, or it was damaged, cut or repacked.",
        Fault.FILE_MISSING: "A file of the bundle was taken out.",
        Fault.FILE_UNEXPECTED: "A file was added to the bundle.",
        Fault.FILE_CHANGED: "A file is not the one that was sealed.",
        Fault.TRUST_FINGERPRINT: "The bundle is not covered by the fingerprint that you trust.",
        Fault.TRUST_MALFORMED: "The trust anchors cannot be read.",
        Fault.MANIFEST_MALFORMED: "The list of files cannot be read.",
        Fault.MANIFEST_NOT_RECORDED: (
            "The list of files is not the one that the vault recorded: something was added, "
            "removed or replaced after the bundle was produced."
        ),
        Fault.CODE: "A part of the bundle is of another institution.",
        Fault.CHECKPOINT: "The state of the log is not the one that the vault signed.",
        Fault.NOT_MIRRORED: "No mirror vouches for this bundle, and you require one.",
        Fault.NOT_WITNESSED: "No witness vouches for this bundle, and you require one.",
        Fault.PROOF_MALFORMED: "A proof cannot be read.",
        Fault.NOT_IN_LOG: (
            "A record is not what the log holds at this place: it was changed, exchanged, moved or never recorded."
        ),
        Fault.RECORD_MALFORMED: "A record cannot be read.",
        Fault.RECORD_REPEATED: "The same event stands twice in the log.",
        Fault.TOKEN: "A timestamp does not certify this record: one of the two was changed or exchanged.",
        Fault.CERTIFICATE: "A certificate of the timestamp authority cannot be read.",
        Fault.TIME: "A record says that it was made after it was certified: its time was altered.",
        Fault.TIME_ORDER: "A record is certified earlier than what came before it in the log.",
        Fault.COMMITMENT: "A content or its key is not the one that its record committed to.",
        Fault.CONTENT: "An opened content does not go with its record.",
        Fault.PRODUCTION: "The record that the bundle was produced is not the right one.",
        Fault.APPROVAL: "The request was not approved by a second person.",
        Fault.ROSTER: "A part of the list of students of a roll call is missing, or is not of that list.",
        Fault.PRESENCE: "A sign-in contradicts the roll call.",
        Fault.WINDOW: "A sign-in was made after the window closed.",
    },
    warnings={
        Warn.DEMO_POLICY: "the time comes from a system clock declared trusted: demonstration only",
        Warn.CLOCK_UNKNOWN: (
            "the server did not know the accuracy of its own clock; the certified time is what counts"
        ),
        Warn.SERVER_AHEAD: "the server's clock was ahead of the certified time",
        Warn.NOT_OPENED: "the personal content is not in this bundle",
        Warn.ERASED: "the personal content was erased on request, as a record of this bundle says",
        Warn.NO_ROLL_CALL: ("these sign-ins could not be compared with their roll call, which is not in this bundle"),
        Warn.NO_OPENING: (
            "these sign-ins could not be compared with their window, whose opening is not in this bundle"
        ),
        Warn.NOT_MIRRORED: "the mirror had not yet cosigned the checkpoint when the bundle was produced",
        Warn.NOT_WITNESSED: "a witness had not yet cosigned the checkpoint when the bundle was produced",
        Warn.NO_APPROVAL: "the request and its approval by a second person are not in this bundle",
    },
    events={
        "log.opened": "log opened",
        "roll_call.opened": "roll call opened",
        "roll_call.started": "roll call by QR code started",
        "roll_call.scanned": "code scanned by the student",
        "roll_call.marked": "marked at the roll call",
        "roll_call.ended": "roll call ended",
        "sign_in.opened": "signed by the teacher, sign-in opened",
        "teacher.signed": "signed by the teacher",
        "sign_in.signed": "signed by the student",
        "sign_in.regularised": "sign-in regularised",
        "meeting.validated": "meeting validated",
        "anomaly.reviewed": "anomaly of a scan or signature reviewed",
        "parameters.changed": "parameters changed",
        "course_type.mode_set": "course type: mode of the roll call changed",
        "course.mode_set": "course: mode of the roll call changed",
        "course.flagged": "course: subject to sign-in changed",
        "student.listed": "student: first entered on a roll sheet",
        "student.flagged": "student: subject to sign-in changed",
        "audit_trail.requested": "audit trail requested",
        "audit_trail.approved": "audit trail approved",
        "audit_trail.refused": "audit trail refused",
        "audit_trail.produced": "audit trail produced",
        "audit_trail.downloaded": "audit trail downloaded",
        "student.corrected": "student: corrected",
        "student.alias": "student: identifier or birth date corrected, old and new linked",
        "history.consulted": "history of a student consulted",
        "retention.changed": "retention period changed",
        "hold.placed": "legal hold placed",
        "hold.lift_requested": "lifting of a legal hold requested",
        "hold.lifted": "legal hold lifted",
        "hold.lift_refused": "lifting of a legal hold refused",
        "destruction.requested": "destruction at the end of retention requested",
        "destruction.approved": "destruction at the end of retention approved",
        "destruction.refused": "destruction at the end of retention refused",
        "retention.destroyed": "destroyed at the end of retention",
        "erasure.requested": "erasure of personal data requested",
        "erasure.approved": "erasure of personal data approved",
        "erasure.refused": "erasure of personal data refused",
        "erasure.done": "personal data erased on request",
        "clock.changed": "state of the clock changed",
        "certificate.downloaded": "certificate of destruction handed over",
        "journal.sealed": "journal of the vault sealed for a day",
    },
    words={
        "present": "present",
        "absent": "absent",
        "late": "late",
        "drawn": "drawn",
        "keyboard": "keyboard",
        "teacher": "teacher",
        "student": "student",
        "staff": "staff",
        "operator": "operator",
        "system": "system",
    },
)

_FR = Texts(
    valid="VALIDE. Chaque octet de ce dossier est prouvé ; il contient {count} enregistrements.",
    invalid="NON VALIDE. Ce dossier ne prouve rien.",
    file="Fichier",
    detail="Détail",
    bad_fingerprint=(
        "L’empreinte de confiance compte 64 chiffres hexadécimaux ; obtenez-la ailleurs que dans le dossier."
    ),
    no_file="Il n’y a pas de fichier {path}.",
    not_a_file="{path} n’est pas un fichier.",
    unreadable="{path} ne peut pas être lu : {reason}.",
    code="Code établissement",
    request="Demande",
    period="Période",
    log="Registre",
    log_size="{log}, {size} enregistrements sous le point de contrôle signé",
    mirror="Miroir",
    mirrored="{name} les conserve aussi ; cosigné le {at}",
    witness="Témoin",
    witnessed="{name} ne connaissait pas d’autre histoire ; cosigné le {at}",
    dated="Daté ailleurs",
    existed="les {size} premiers enregistrements existaient le {at} ± {accuracy} s, selon {authority}",
    produced="Dossier produit",
    trust="Empreinte de confiance",
    meeting="séance",
    number="n° {index}",
    records="enregistrements",
    vouched="certifié {at} ± {accuracy} s ({delay}) par {authority} ; conservé au registre {log}",
    unknown_bound="(heure du serveur, exactitude inconnue)",
    warning="Attention",
    colon=" : ",
    faults={
        Fault.CONTAINER: ("Le fichier n’est pas un dossier de preuve, ou il a été abîmé, coupé ou recompressé."),
        Fault.FILE_MISSING: "Un fichier du dossier a été retiré.",
        Fault.FILE_UNEXPECTED: "Un fichier a été ajouté au dossier.",
        Fault.FILE_CHANGED: "Un fichier n’est pas celui qui a été scellé.",
        Fault.TRUST_FINGERPRINT: "Le dossier ne relève pas de l’empreinte à laquelle vous faites confiance.",
        Fault.TRUST_MALFORMED: "Les ancres de confiance sont illisibles.",
        Fault.MANIFEST_MALFORMED: "La liste des fichiers est illisible.",
        Fault.MANIFEST_NOT_RECORDED: (
            "La liste des fichiers n’est pas celle que le coffre a enregistrée : quelque "
            "chose a été ajouté, retiré ou remplacé après la production du dossier."
        ),
        Fault.CODE: "Une partie du dossier est d’un autre établissement.",
        Fault.CHECKPOINT: "L’état du registre n’est pas celui que le coffre a signé.",
        Fault.NOT_MIRRORED: "Aucun miroir ne répond de ce dossier, et vous en exigez un.",
        Fault.NOT_WITNESSED: "Aucun témoin ne répond de ce dossier, et vous en exigez un.",
        Fault.PROOF_MALFORMED: "Une preuve est illisible.",
        Fault.NOT_IN_LOG: (
            "Un enregistrement n’est pas ce que le registre contient à cette place : il a été "
            "modifié, échangé, déplacé ou jamais enregistré."
        ),
        Fault.RECORD_MALFORMED: "Un enregistrement est illisible.",
        Fault.RECORD_REPEATED: "Le même événement figure deux fois au registre.",
        Fault.TOKEN: (
            "Une contremarque de temps ne certifie pas cet enregistrement : l’un des deux a été modifié ou échangé."
        ),
        Fault.CERTIFICATE: "Un certificat du serveur d’horodatage est illisible.",
        Fault.TIME: "Un enregistrement se dit postérieur à sa certification : son heure a été modifiée.",
        Fault.TIME_ORDER: "Un enregistrement est certifié plus tôt que ce qui le précède au registre.",
        Fault.COMMITMENT: "Un contenu ou sa clé n’est pas celui auquel son enregistrement s’est engagé.",
        Fault.CONTENT: "Un contenu ouvert ne va pas avec son enregistrement.",
        Fault.PRODUCTION: "L’enregistrement de la production du dossier n’est pas le bon.",
        Fault.APPROVAL: "La demande n’a pas été approuvée par une seconde personne.",
        Fault.ROSTER: "Une partie de la liste des étudiants d’un appel manque, ou n’est pas de cette liste.",
        Fault.PRESENCE: "Un émargement contredit l’appel.",
        Fault.WINDOW: "Un émargement a été fait après la période d’ouverture.",
    },
    warnings={
        Warn.DEMO_POLICY: ("l’heure vient d’une horloge système déclarée de confiance : démonstration seulement"),
        Warn.CLOCK_UNKNOWN: (
            "le serveur ne connaissait pas l’exactitude de sa propre horloge ; l’heure certifiée fait foi"
        ),
        Warn.SERVER_AHEAD: "l’horloge du serveur avançait sur l’heure certifiée",
        Warn.NOT_OPENED: "le contenu personnel n’est pas dans ce dossier",
        Warn.ERASED: "le contenu personnel a été effacé sur demande, comme le dit un enregistrement de ce dossier",
        Warn.NO_ROLL_CALL: "ces émargements n’ont pu être comparés à leur appel, absent de ce dossier",
        Warn.NO_OPENING: (
            "ces émargements n’ont pu être comparés à leur période d’ouverture, dont le début n’est pas dans ce dossier"
        ),
        Warn.NOT_MIRRORED: "le miroir n’avait pas encore cosigné le point de contrôle lors de la production du dossier",
        Warn.NOT_WITNESSED: (
            "un témoin n’avait pas encore cosigné le point de contrôle lors de la production du dossier"
        ),
        Warn.NO_APPROVAL: ("la demande et son approbation par une seconde personne ne sont pas dans ce dossier"),
    },
    events={
        "log.opened": "registre ouvert",
        "roll_call.opened": "appel ouvert",
        "roll_call.started": "appel par QR code commencé",
        "roll_call.scanned": "code scanné par l’étudiant",
        "roll_call.marked": "noté à l’appel",
        "roll_call.ended": "appel terminé",
        "sign_in.opened": "signature de l’enseignant, émargement ouvert",
        "teacher.signed": "signature de l’enseignant",
        "sign_in.signed": "signature de l’étudiant",
        "sign_in.regularised": "émargement régularisé",
        "meeting.validated": "séance validée",
        "anomaly.reviewed": "anomalie d’un scan ou d’une signature examinée",
        "parameters.changed": "paramètres modifiés",
        "course_type.mode_set": "type de cours : mode d’appel modifié",
        "course.mode_set": "cours : mode d’appel modifié",
        "course.flagged": "cours : soumission à l’émargement modifiée",
        "student.listed": "étudiant : première inscription sur une feuille d’appel",
        "student.flagged": "étudiant : soumission à l’émargement modifiée",
        "audit_trail.requested": "piste d’audit demandée",
        "audit_trail.approved": "piste d’audit approuvée",
        "audit_trail.refused": "piste d’audit refusée",
        "audit_trail.produced": "piste d’audit produite",
        "audit_trail.downloaded": "piste d’audit remise",
        "student.corrected": "étudiant : corrigé",
        "student.alias": "étudiant : identifiant ou date de naissance corrigé, ancien et nouveau liés",
        "history.consulted": "historique d’un étudiant consulté",
        "retention.changed": "durée de conservation modifiée",
        "hold.placed": "gel juridique posé",
        "hold.lift_requested": "levée d’un gel juridique demandée",
        "hold.lifted": "gel juridique levé",
        "hold.lift_refused": "levée d’un gel juridique refusée",
        "destruction.requested": "destruction en fin de conservation demandée",
        "destruction.approved": "destruction en fin de conservation approuvée",
        "destruction.refused": "destruction en fin de conservation refusée",
        "retention.destroyed": "détruit en fin de conservation",
        "erasure.requested": "effacement de données personnelles demandé",
        "erasure.approved": "effacement de données personnelles approuvé",
        "erasure.refused": "effacement de données personnelles refusé",
        "erasure.done": "données personnelles effacées sur demande",
        "clock.changed": "état de l’horloge modifié",
        "certificate.downloaded": "certificat de destruction remis",
        "journal.sealed": "journal du coffre scellé pour un jour",
    },
    words={
        "present": "présent",
        "absent": "absent",
        "late": "en retard",
        "drawn": "tracée",
        "keyboard": "au clavier",
        "teacher": "enseignant",
        "student": "étudiant",
        "staff": "personnel",
        "operator": "opérateur",
        "system": "système",
    },
)

TEXTS: Mapping[str, Texts] = {"en": _EN, "fr": _FR}
