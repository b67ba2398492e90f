/* cmd_evidence.h: the verbs of `vsocd evidence`, one file each. Thread: main. */
#ifndef VSOC_SERVER_CMD_EVIDENCE_H
#define VSOC_SERVER_CMD_EVIDENCE_H

/* argv[0] is the verb. Returns an exit status. */
int evidence_verify(int argc, char **argv);
int evidence_export(int argc, char **argv);
int evidence_audit(int argc, char **argv);
int evidence_status(int argc, char **argv);
int evidence_restart_tree(int argc, char **argv);

#endif
